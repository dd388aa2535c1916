"""RTSP connections (RFC 2326), media interleaved in the same TCP connection only."""
import re
import struct
import urllib.parse

from . import sdp
from .connection import Connection
from .errors import ProtocolError
from .log import log
from .paths import Path, clean_name

MAX_HEADER = 64 << 10
MAX_BODY = 64 << 10
REASONS = {200: "OK", 404: "Not Found", 455: "Method Not Valid in This State", 461: "Unsupported Transport",
           501: "Not Implemented"}
METHODS = "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, TEARDOWN, GET_PARAMETER, SET_PARAMETER"


class Request:
    def __init__(self, head):
        lines = head.decode("utf-8", "replace").split("\r\n")
        words = lines[0].split()
        if len(words) != 3 or not words[2].startswith("RTSP/1."):
            raise ProtocolError(f"not an RTSP request: {lines[0][:80]!r}")
        self.method, self.url = words[0], words[1]
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
        size = self.headers.get("content-length", "0")
        if not size.isdigit() or int(size) > MAX_BODY:
            raise ProtocolError(f"RTSP body of {size[:20]} bytes; at most {MAX_BODY} are accepted")
        self.body_size = int(size)

    @property
    def path_name(self):
        return clean_name(urllib.parse.unquote(urllib.parse.urlsplit(self.url).path))


class RtspConnection(Connection):
    kind = "rtspSession"

    async def run(self):
        self.announced = None                            # (path name, description, tracks)
        self.described = None                            # Path
        self.channels = {}                               # interleaved channel -> (track index, is RTCP)
        self.channel_of = {}                             # track index -> RTP channel
        while True:
            first = await self.read(1)
            if first == b"$":
                channel, size = struct.unpack(">BH", await self.read(3))
                self._interleaved(channel, await self.read(size))
            elif first not in b"\r\n":
                if not await self._request(first):
                    return

    def _interleaved(self, channel, packet):
        if self.path and not self.is_reader and channel in self.channels and not self.path.closed:
            self.path.take_rtp(*self.channels[channel], packet)

    async def _request(self, first):
        """False ends the connection."""
        head = first + await self.reader.readuntil(b"\r\n\r\n")
        self.bytes_in += len(head)
        if len(head) > MAX_HEADER:
            raise ProtocolError("RTSP header is too long")
        request = Request(head)
        body = await self.read(request.body_size)
        action = {"OPTIONS": self._options, "ANNOUNCE": self._announce, "DESCRIBE": self._describe, "SETUP": self._setup,
                  "RECORD": self._record, "PLAY": self._play, "TEARDOWN": self._nothing,
                  "GET_PARAMETER": self._nothing, "SET_PARAMETER": self._nothing}.get(request.method)
        code, headers, answer = action(request, body) if action else (501, {}, b"")
        headers = {"CSeq": request.headers.get("cseq", "0"), "Session": self.id[:8] + ";timeout=60", **headers}
        if answer:
            headers["Content-Length"] = len(answer)
        lines = [f"RTSP/1.0 {code} {REASONS[code]}"] + [f"{k}: {v}" for k, v in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + answer)
        if request.method == "PLAY" and code == 200:
            self._join()
        return request.method != "TEARDOWN"

    def _options(self, request, body):
        return 200, {"Public": METHODS}, b""

    def _nothing(self, request, body):
        return 200, {}, b""

    def _announce(self, request, body):
        if self.path or self.described:
            return 455, {}, b""
        description = body.decode("utf-8", "replace")
        self.announced = (request.path_name, description, sdp.parse(description))
        return 200, {}, b""

    def _describe(self, request, body):
        if self.path or self.announced:
            return 455, {}, b""
        path = self.registry.get(request.path_name)
        if not path or not path.ready:
            log(self.peer, "asks for", request.path_name, "which nobody publishes")
            return 404, {}, b""
        self.described = path
        return (200, {"Content-Base": request.url.rstrip("/") + "/", "Content-Type": "application/sdp"},
                path.description.encode())

    def _setup(self, request, body):
        if self.path or not (self.announced or self.described):
            return 455, {}, b""
        transport = request.headers.get("transport", "")
        if "/TCP" not in transport:
            return 461, {}, b""                          # ffmpeg asks for UDP first and comes again with TCP
        tracks = self.announced[2] if self.announced else self.described.tracks
        named = [i for i, t in enumerate(tracks) if request.url.rstrip("/").endswith("/" + t.control)]
        index = named[0] if named else len(self.channel_of)
        if index >= len(tracks):
            return 404, {}, b""
        wanted = re.search(r"interleaved=(\d{1,3})", transport)
        channel = int(wanted[1]) if wanted else 2 * index
        if channel > 254:
            raise ProtocolError(f"RTSP channel {channel}")
        self.channel_of[index] = channel
        self.channels[channel], self.channels[channel + 1] = (index, False), (index, True)
        answer = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
        return 200, {"Transport": answer + (";mode=record" if self.announced else "")}, b""

    def _record(self, request, body):
        if self.path or not self.announced or not self.channel_of:
            return 455, {}, b""
        name, description, tracks = self.announced
        self.path = Path(self.registry, name, self, self.kind)
        self.path.start_rtsp(description, tracks)
        return 200, {}, b""

    def _play(self, request, body):
        if self.is_reader:
            return 200, {}, b""
        if self.path or not self.described or not self.channel_of:
            return 455, {}, b""
        if self.described.closed:
            return 404, {}, b""
        return 200, {"Range": "npt=0.000-"}, b""

    def _join(self):
        if self.is_reader:
            return
        self.path, self.is_reader = self.described, True
        log(self.peer, "reads", self.path.name)
        for index, report in self.path.reports.items():  # lets the reader line audio up with video at once
            self.send_packet(index, True, report)
        self.path.readers.add(self)

    def send_packet(self, index, is_control, packet):
        channel = self.channel_of.get(index)
        if channel is not None:
            self.send(struct.pack(">cBH", b"$", channel + is_control, len(packet)) + packet)
