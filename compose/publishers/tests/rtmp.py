"""An RTMP peer that publishes as OBS does, and one that plays with everything that enhanced RTMP can name.

Sources: Adobe, "RTMP Specification 1.0"; Veovera, "Enhanced RTMP v2" (ExVideoTagHeader, ExAudioTagHeader, fourCcList).
"""

import socket
import struct
import time
import urllib.parse
from dataclasses import dataclass

AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20
_SET_CHUNK_SIZE = 1
_CHUNK = 4096  # bytes, as OBS sets it
_TIMEOUT_S = 20.0

# Enhanced RTMP: packet types.
SEQUENCE_START, CODED_FRAMES, FRAMES_X, AUDIO_MULTITRACK = 0, 1, 3, 5
FOURCC = {"h264": b"avc1", "hevc": b"hvc1", "av1": b"av01", "aac": b"mp4a"}
EVERY_FOURCC = ["hvc1", "av01", "vp09", "Opus", "ac-3", "mp4a", "avc1"]


def amf(*values):
    return b"".join(_amf(value) for value in values)


def _amf(value):
    if value is None:
        return b"\x05"
    if isinstance(value, bool):
        return bytes([1, value])
    if isinstance(value, (int, float)):
        return struct.pack(">Bd", 0, value)
    if isinstance(value, str):
        return b"\x02" + _text(value)
    if isinstance(value, list):
        return struct.pack(">BI", 10, len(value)) + amf(*value)
    return b"\x03" + b"".join(_text(k) + _amf(v) for k, v in value.items()) + b"\0\0\x09"


def _text(value):
    return struct.pack(">H", len(value.encode())) + value.encode()


@dataclass
class Message:
    kind: int
    time: int
    body: bytes


class Peer:
    """One connection. Chunks of 4 KB go out; whatever size the other side announces comes in."""

    def __init__(self, url, fourccs=()):
        parts = urllib.parse.urlsplit(url)
        self.app, _, self.key = parts.path.lstrip("/").rpartition("/")
        self._socket = socket.create_connection((parts.hostname, parts.port), _TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = self._socket.makefile("rb")
        self._size, self._channels = 128, {}
        self._socket.sendall(b"\x03" + bytes(1536))
        answer = self._input.read(1 + 1536 + 1536)
        self._socket.sendall(answer[1:1537])
        self.send(_SET_CHUNK_SIZE, 0, struct.pack(">I", _CHUNK), channel=2)
        fields = {"app": self.app, "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; FMSc/1.0)",
                  "tcUrl": f"rtmp://{parts.netloc}/{self.app}"}
        if fourccs:
            fields["fourCcList"] = list(fourccs)
        self.command("connect", 1, fields)
        self.wait_for(b"NetConnection.Connect.Success")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._input.close()
        self._socket.close()

    # Out

    def command(self, name, transaction, *arguments, stream=0):
        self.send(COMMAND, 0, amf(name, transaction, *arguments), channel=3, stream=stream)

    def send(self, kind, stamp, body, channel=4, stream=1):
        extended = struct.pack(">I", stamp) if stamp >= 0xFFFFFF else b""
        out = [bytes([channel]), min(stamp, 0xFFFFFF).to_bytes(3, "big"), len(body).to_bytes(3, "big"), bytes([kind]),
               struct.pack("<I", 0 if channel < 3 else stream), extended]
        for at in range(0, len(body), _CHUNK):
            out += [bytes([0xC0 | channel]) + extended] if at else []
            out.append(body[at:at + _CHUNK])
        self._socket.sendall(b"".join(out))

    def close_publication(self):
        """As librtmp's RTMP_Close: FCUnpublish, deleteStream, then the connection."""
        self.command("FCUnpublish", 6, None, self.key)
        self.command("deleteStream", 7, None, 1.0)

    # In

    def messages(self):
        """Until the other side closes."""
        while True:
            try:
                first = self._input.read(1)
                if not first:
                    return
                message = self._chunk(first[0])
            except ConnectionError:
                return
            if message is None:
                continue
            if message.kind == _SET_CHUNK_SIZE:
                self._size = int.from_bytes(message.body[:4], "big")
            yield message

    def _chunk(self, first):
        form, channel = first >> 6, first & 63
        blank = {"time": 0, "delta": 0, "length": 0, "kind": 0, "body": b"", "extended": False}
        state = self._channels.setdefault(channel, blank)
        header = self._input.read((11, 7, 3, 0)[form])
        if form < 3:
            stamp = int.from_bytes(header[:3], "big")
            state["extended"] = stamp == 0xFFFFFF
        else:
            stamp = state["delta"]
        if form < 2:
            state["length"], state["kind"] = int.from_bytes(header[3:6], "big"), header[6]
        if state["extended"]:
            extended = int.from_bytes(self._input.read(4), "big")
            stamp = extended if form < 3 else stamp
        if not state["body"]:
            state["time"] = stamp if form == 0 else state["time"] + stamp
            state["delta"] = 0 if form == 0 else stamp
        state["body"] += self._input.read(min(self._size, state["length"] - len(state["body"])))
        if len(state["body"]) < state["length"]:
            return None
        body, state["body"] = state["body"], b""
        return Message(state["kind"], state["time"], body)

    def wait_for(self, code):
        """The next command that has these bytes in it, such as a status code."""
        seen = []
        for message in self.messages():
            if message.kind == COMMAND:
                if code in message.body:
                    return message
                seen.append(message.body[:80])
        raise AssertionError(f"the server closed before it said {code.decode()}; it said {seen}")


class Publisher(Peer):
    """Sends what an encoder made in the time that it lasts, as OBS 31 does it.

    The first track of each kind goes with the headers of FLV's first generation where they have a name for its codec
    (H.264, AAC); HEVC and AV1 have a four-character code; a further audio track is "multitrack", one track a message.
    """

    def __init__(self, url, streams):
        super().__init__(url, ["av01", "hvc1"])
        self.command("releaseStream", 2, None, self.key)
        self.command("FCPublish", 3, None, self.key)
        self.command("createStream", 4, None)
        self.wait_for(b"_result")
        self.command("publish", 5, None, self.key, "live", stream=1)
        self.wait_for(b"NetStream.Publish.Start")
        self.streams, self._number = streams, {}
        for index, (kind, _, _) in enumerate(streams):
            self._number[index] = sum(1 for other, _, _ in streams[:index] if other == kind)
        codec = {kind: name for kind, name, _ in reversed(streams)}
        fields = {"duration": 0.0, "encoder": "tests"}
        if "video" in codec:
            name = codec["video"]
            fields |= {"width": 320.0, "height": 180.0, "framerate": 30.0,
                       "videocodecid": 7.0 if name == "h264" else float(int.from_bytes(FOURCC[name], "big"))}
        if "audio" in codec:
            fields |= {"audiocodecid": 10.0, "audiosamplerate": 48000.0, "stereo": True}
        self.send(DATA, 0, amf("@setDataFrame", "onMetaData", fields))
        for index, (kind, name, configuration) in enumerate(streams):
            self.send(VIDEO if kind == "video" else AUDIO, 0, self._body(index, SEQUENCE_START, configuration, True, 0))

    def _body(self, index, packet_type, payload, key, composition_ms):
        kind, name, _ = self.streams[index]
        if kind == "video":
            frame_type = 1 if key else 2
            offset = struct.pack(">i", composition_ms)[1:]
            if name == "h264":
                return bytes([frame_type << 4 | 7, packet_type]) + offset + payload
            if packet_type == CODED_FRAMES and name == "hevc":
                if composition_ms == 0:
                    packet_type = FRAMES_X
                else:
                    payload = offset + payload
            return bytes([0x80 | frame_type << 4 | packet_type]) + FOURCC[name] + payload
        if self._number[index] == 0:
            return bytes([0xAF, packet_type]) + payload
        return bytes([0x90 | AUDIO_MULTITRACK, packet_type]) + FOURCC[name] + bytes([self._number[index]]) + payload

    def publish(self, packets):
        """Sends packets as they are due, and leaves as OBS does. ConnectionError: the server closed earlier."""
        lead = -min(dts for _, dts, _, _, _ in packets)
        began = time.monotonic()
        for index, dts, pts, key, payload in packets:
            time.sleep(max(0.0, began + dts + lead - time.monotonic()))
            kind = VIDEO if self.streams[index][0] == "video" else AUDIO
            stamp = round((dts + lead) * 1000)
            self.send(kind, stamp, self._body(index, CODED_FRAMES, payload, key, round((pts + lead) * 1000) - stamp))
        self.close_publication()


def play(url, fourccs=EVERY_FOURCC):
    """Everything that a reader is sent, until the server closes."""
    with Peer(url, fourccs) as peer:
        peer.command("createStream", 2, None)
        peer.wait_for(b"_result")
        peer.command("play", 3, None, peer.key, stream=1)
        return list(peer.messages())


def coded_frames(messages, fourcc):
    """Payloads of one enhanced video track that came to a reader."""
    frames = []
    for message in messages:
        if message.kind != VIDEO or not message.body[0] & 0x80 or message.body[1:5] != fourcc:
            continue
        packet_type = message.body[0] & 15
        if packet_type in (CODED_FRAMES, FRAMES_X):
            skip = 3 if packet_type == CODED_FRAMES and fourcc in (b"hvc1", b"avc1") else 0
            frames.append(message.body[5 + skip:])
    return frames
