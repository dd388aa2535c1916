"""A small RTSP publisher on a socket: announces, and sends the packets that a test gives it, when it gives them."""
import base64
import socket
import struct
import time

from relay import rtp, sdp

TIMEOUT = 20.0                          # s


class RtspPublisher:
    def __init__(self, server, path, tracks):
        """`tracks`: (media line without port, attribute lines…) each."""
        self.url = f"rtsp://127.0.0.1:{server.rtsp}/{path}"
        self.socket = socket.create_connection(("127.0.0.1", server.rtsp), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.number, self.session, self.sequence = 0, "", [0] * len(tracks)
        lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=test", "c=IN IP4 127.0.0.1", "t=0 0"]
        for index, (media, *attributes) in enumerate(tracks):
            lines += [f"m={media}", *attributes, f"a=control:streamid={index}"]
        self.request("ANNOUNCE", self.url, "Content-Type: application/sdp", body="\r\n".join(lines) + "\r\n")
        for index in range(len(tracks)):
            self.request("SETUP", f"{self.url}/streamid={index}",
                         f"Transport: RTP/AVP/TCP;unicast;interleaved={2 * index}-{2 * index + 1};mode=record")
        self.request("RECORD", self.url, "Range: npt=0.000-")
        self.last = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.input.close()
        self.socket.close()

    def request(self, method, url, *headers, body=""):
        self.number += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.number}", *headers]
        lines += [f"Session: {self.session}"] if self.session else []
        lines += [f"Content-Length: {len(body)}"] if body else []
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        status, answer = self.input.readline().decode(), {}
        while (line := self.input.readline().decode().strip()):
            name, _, value = line.partition(":")
            answer[name.lower()] = value.strip()
        self.input.read(int(answer.get("content-length", 0)))
        self.session = answer.get("session", self.session).partition(";")[0]
        if " 200 " not in status:
            raise AssertionError(f"{method} {url} was answered with {status!r}")

    def packet(self, track, payload, timestamp, marker=True, kind=96):
        self.sequence[track] += 1
        packet = rtp.HEADER.pack(0x80, kind | marker << 7, self.sequence[track], timestamp & 0xFFFFFFFF, 7 + track) + payload
        self._send(2 * track, packet)

    def report(self, track, ntp, timestamp):
        """A sender report that says: this RTP time is that NTP time (s)."""
        self._send(2 * track + 1, struct.pack(">BBHIIIIII", 0x80, 200, 6, 7 + track, int(ntp), int(ntp % 1 * 2**32),
                                              timestamp, 1, 1))

    def _send(self, channel, packet):
        self.socket.sendall(struct.pack(">cBH", b"$", channel, len(packet)) + packet)
        self.last = time.monotonic()

    def picture(self, track, nals, timestamp):
        for nal in nals:
            self.packet(track, nal, timestamp, nal is nals[-1])

    def sound(self, track, frames, timestamp):
        head = struct.pack(">H", 16 * len(frames)) + b"".join(struct.pack(">H", len(f) << 3) for f in frames)
        self.packet(track, head + b"".join(frames), timestamp, kind=97)

    def await_end(self):
        """The seconds from the last packet until the server closes."""
        try:
            while self.input.read(1):
                pass
        except ConnectionError:
            pass
        return time.monotonic() - self.last


def video_track(sps, pps):
    sets = ",".join(base64.b64encode(s).decode() for s in (sps, pps))
    return "video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", f"a=fmtp:96 packetization-mode=1; sprop-parameter-sets={sets}"


def aac_track(config, rate=48000):
    return ("audio 0 RTP/AVP 97", f"a=rtpmap:97 MPEG4-GENERIC/{rate}/2",
            "a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; "
            f"config={config.hex()}")


# What GStreamer 1.22's rtspclientsink announces of AAC from an MP4 file of ffmpeg's.
LATM_TRACK = "audio 0 RTP/AVP 97", "a=rtpmap:97 MP4A-LATM/48000/2", "a=fmtp:97 cpresent=0;config=40002320adca00"
OPUS_TRACK = "audio 0 RTP/AVP 97", "a=rtpmap:97 opus/48000/2"
PCMA_TRACK = ("audio 0 RTP/AVP 8",)
assert sdp.STATIC[8][0] == sdp.PCMA
