"""RTSP connections (RFC 2326), media interleaved in the same TCP connection only."""
import re
import struct
import urllib.parse

from . import sdp
from .connection import READ_TIMEOUT, Connection
from .errors import ProtocolError
from .log import log
from .paths import Path, check_name

MAX_HEADER = 64 << 10
MAX_BODY = 64 << 10
IDLE_TIMEOUT = 60.0                     # s without a request, or from a reader without RTCP either
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 461: "Unsupported Transport", 501: "Not Implemented"}
METHODS = "DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN"
# MediaMTX's session states.
INITIAL, BEFORE_PLAY, PLAYING, BEFORE_RECORD, RECORDING = "initial", "before play", "playing", "before record", "recording"


class Refusal(Exception):
    """A request that is answered with an error; as with MediaMTX the connection ends with it."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code


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

    def path_name(self, url=None):
        return urllib.parse.unquote(urllib.parse.urlsplit(url or self.url).path).removeprefix("/").removesuffix("/")


class RtspConnection(Connection):
    kind = "rtspSession"

    async def run(self):
        self._reset()
        while True:
            self.expect({RECORDING: READ_TIMEOUT}.get(self.state, IDLE_TIMEOUT))
            first = await self.read(1)
            if first == b"$":
                channel, size = struct.unpack(">BH", await self.read(3))
                self._interleaved(channel, await self.read(size))
            elif first not in b"\r\n":
                if not await self._request(first):
                    return

    def _reset(self):
        self.state, self.announced = INITIAL, None       # (path name, tracks)
        self.channels = {}                               # interleaved channel -> (track index, is RTCP)
        self.channel_of = {}                             # track index -> RTP channel
        self.damaged = 0

    def _interleaved(self, channel, packet):
        if self.state not in (PLAYING, RECORDING):
            raise ProtocolError("interleaved data before RECORD or PLAY")
        index, is_control = self.channels.get(channel, (None, True))
        if self.state != RECORDING or is_control or self.path.closed:
            return                                       # the sender's reports are not used
        try:
            self.path.take_packet(index, packet)
        except (ProtocolError, struct.error) as error:   # a damaged packet costs its picture, not the connection
            if not self.damaged:
                log(self.peer, "malformed packet left out:", error)
            self.damaged += 1

    async def _request(self, first):
        """False ends the connection."""
        head = first + await self.reader.readuntil(b"\r\n\r\n")
        self.bytes_in += len(head)
        if len(head) > MAX_HEADER:
            raise ProtocolError("RTSP header is too long")
        request = Request(head)
        body = await self.read(request.body_size)
        action = {"OPTIONS": self._options, "ANNOUNCE": self._announce, "DESCRIBE": self._describe, "SETUP": self._setup,
                  "RECORD": self._record, "PLAY": self._play, "PAUSE": self._pause, "TEARDOWN": self._teardown,
                  "GET_PARAMETER": self._nothing}.get(request.method)
        refusal = None
        try:
            if "cseq" not in request.headers:
                raise Refusal(400, "RTSP request without CSeq")
            code, headers, answer = action(request, body) if action else (501, {}, b"")
        except Refusal as error:
            refusal, code, headers, answer = error, error.code, {}, b""
        self._answer(request, code, headers, answer)
        if refusal:
            log(self.peer, "closed:", request.method, "refused:", refusal)
            return False
        if request.method == "PLAY" and code == 200:
            self.path.play(self)
        return True

    def _answer(self, request, code, headers, body):
        if "cseq" in request.headers:
            headers["CSeq"] = request.headers["cseq"]
        if self.state != INITIAL and request.method not in ("ANNOUNCE", "TEARDOWN"):
            headers["Session"] = self.id.replace("-", "") + ";timeout=55"
        if body:
            headers["Content-Length"] = len(body)
        lines = [f"RTSP/1.0 {code} {REASONS[code]}"] + [f"{k}: {v}" for k, v in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def _must_be(self, *states):
        if self.state not in states:
            raise Refusal(400, f"the session is in state {self.state}, which must be {' or '.join(states)}")

    def _find(self, name):
        path = self.registry.get(name)
        if path is None:
            raise Refusal(404, f"nobody publishes {name[:80]!r}")
        path.prepare_rtsp(self.generation)
        return path

    # Requests

    def _options(self, request, body):
        return 200, {"Public": METHODS}, b""

    def _nothing(self, request, body):
        return 200, {}, b""

    def _announce(self, request, body):
        self._must_be(INITIAL)
        try:
            self.announced = check_name(request.path_name()), sdp.parse(body.decode("utf-8", "replace"))
        except ProtocolError as error:
            raise Refusal(400, error) from None
        self.state = BEFORE_RECORD
        return 200, {}, b""

    def _describe(self, request, body):
        path = self._find(request.path_name())
        return (200, {"Content-Base": request.url.rstrip("/") + "/", "Content-Type": "application/sdp"},
                sdp.describe(path.tracks).encode())

    def _setup(self, request, body):
        self._must_be(INITIAL, BEFORE_PLAY, BEFORE_RECORD)
        transport = request.headers.get("transport", "")
        if "/TCP" not in transport:
            return 461, {}, b""                          # ffmpeg asks for UDP first and comes again with TCP
        index = self._setup_record(request) if self.state == BEFORE_RECORD else self._setup_play(request)
        wanted = re.search(r"interleaved=(\d{1,3})", transport)
        channel = int(wanted[1]) if wanted else 2 * len(self.channel_of)
        if channel > 254 or index in self.channel_of or {channel, channel + 1} & self.channels.keys():
            raise Refusal(400, f"track {index} on channel {channel}: one of them is set up already, or impossible")
        self.channel_of[index] = channel
        self.channels[channel], self.channels[channel + 1] = (index, False), (index, True)
        return 200, {"Transport": f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"}, b""

    def _setup_record(self, request):
        for index, track in enumerate(self.announced[1]):
            if request.url.rstrip("/").endswith("/" + track.control):
                return index
        raise Refusal(400, f"no announced track is at {request.url[:80]!r}")

    def _setup_play(self, request):
        base, mark, number = request.url.rpartition("/trackID=")
        if not mark:
            base, number = request.url, "0" if request.url.endswith("/") else ""
        if not number.isdigit():
            raise Refusal(400, "SETUP names no track")
        path = self.path or self._find(request.path_name(base))
        if int(number) >= len(path.tracks):
            raise Refusal(404, f"there is no track {number}")
        if self.state == INITIAL:
            self.path, self.is_reader, self.state = path, True, BEFORE_PLAY
            path.add_reader(self)
        return int(number)

    def _record(self, request, body):
        self._must_be(BEFORE_RECORD)
        name, tracks = self.announced
        if len(self.channel_of) != len(tracks):
            raise Refusal(400, "not all announced tracks have been set up")
        self.path, self.state = Path(self.registry, name, self, tracks), RECORDING
        return 200, {}, b""

    def _play(self, request, body):
        self._must_be(BEFORE_PLAY, PLAYING)
        if self.state == PLAYING:
            return 200, {}, b""
        self.state = PLAYING
        log(self.peer, "reads", self.path.name)
        base = request.url.partition("?")[0].rstrip("/")
        return 200, {"RTP-Info": ",".join(f"url={base}/{sdp.control_of(i)}{self.path.senders[i].info()}"
                                          for i in self.channel_of)}, b""

    def _pause(self, request, body):
        self._must_be(BEFORE_PLAY, PLAYING, BEFORE_RECORD, RECORDING)
        if self.state == PLAYING:
            self.path.playing[self.kind].discard(self)
            self.state = BEFORE_PLAY
        elif self.state == RECORDING:
            self._stop_publishing()
            self.state = BEFORE_RECORD
        return 200, {}, b""

    def _teardown(self, request, body):
        if self.is_reader and self.path:
            self.path.remove_reader(self)
        elif self.path:
            self._stop_publishing()
        self.path, self.is_reader = None, False
        self._reset()
        return 200, {}, b""

    def _stop_publishing(self):
        self.path.close(keep=self)
        self.path = None

    def encode(self, index, is_control, packet):
        channel = self.channel_of.get(index)
        return None if channel is None else struct.pack(">cBH", b"$", channel + is_control, len(packet)) + packet
