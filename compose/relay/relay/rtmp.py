"""RTMP connections (Adobe RTMP 1.0): handshake, commands, publish and play."""
import asyncio
import os
import struct
import urllib.parse

from . import amf, av1, chunks, flv, h264, hevc, sdp
from .analysis import Analysis
from .connection import READ_TIMEOUT, Connection
from .errors import ProtocolError
from .flvwriter import FlvWriter
from .log import log
from .paths import Path, check_name

WINDOW = 2_500_000
STREAM_BEGIN, PING, PONG, STREAM_IS_RECORDED = 0, 6, 7, 4
USER_CONTROLS = {0, 1, 2, 3, 4, 6, 7}
SILENT = {chunks.SET_CHUNK_SIZE, chunks.ACKNOWLEDGEMENT, chunks.BANDWIDTH}


class RtmpConnection(Connection):
    kind = "rtmpConn"

    async def run(self):
        # Set once: until the connection publishes or plays, nothing that it sends moves the deadline.
        self.expect(READ_TIMEOUT)
        await self._handshake()
        self.window, self.acknowledged = 0, 0
        self.messages = chunks.ChunkReader(self.read, self.generation.knows_abort)
        app, url, fourccs = await self._connect()
        action, name = await self._action(app)
        if action == "publish":
            await self._publish(name)
        else:
            await self._play(name, fourccs)

    async def _handshake(self):
        greeting = await self.read(1537)
        if greeting[0] != 3:
            raise ProtocolError(f"RTMP version {greeting[0]}")
        self.writer.write(b"\3" + bytes(8) + os.urandom(1528) + greeting[1:])
        await self.read(1536)

    # Messages

    async def _next(self):
        """The next message as (kind, content): a command's values, or media. Others are dealt with, or end the connection."""
        message = await self.messages.message()
        if self.window and self.bytes_in - self.acknowledged > self.window:
            self._control(chunks.ACKNOWLEDGEMENT, struct.pack(">I", self.bytes_in & 0xFFFFFFFF))
            self.acknowledged += self.window
        kind, body = message.kind, message.body
        if kind in (flv.AUDIO, flv.VIDEO):
            return kind, flv.parse(kind, message.time, body)
        if kind == chunks.COMMAND:
            values = amf.decode(body)
            if len(values) < 3 or not isinstance(values[0], str) or not isinstance(values[1], float):
                raise ProtocolError("RTMP command without name and number")
            return kind, (message.chunk_stream, *values)
        if kind == flv.DATA:
            amf.decode(body)                             # damaged data ends the connection; what it says is not used
        elif kind == chunks.WINDOW:
            self.window = int.from_bytes(body[:4], "big")
        elif kind == chunks.USER_CONTROL:
            self._user_control(body)
        elif kind not in SILENT and not (kind == chunks.ABORT and self.generation.knows_abort):
            raise ProtocolError(f"RTMP message of type {kind}")
        return kind, None

    def _user_control(self, body):
        what = int.from_bytes(body[:2], "big")
        if len(body) < 2 or what not in USER_CONTROLS:
            raise ProtocolError(f"RTMP user control of type {what}")
        if what == PING:
            self._control(chunks.USER_CONTROL, struct.pack(">H", PONG) + body[2:6])

    async def _command(self):
        while True:
            kind, values = await self._next()
            if kind == chunks.COMMAND:
                return values

    async def _connect(self):
        stream, name, transaction, *values = await self._command()
        options = values[0] if values else None
        url = options and (options.get("tcUrl") or options.get("tcurl")) if isinstance(options, dict) else None
        if name != "connect" or not isinstance(url, str) or not isinstance(options.get("app"), str):
            raise ProtocolError(f"RTMP begins with {name!r}, not with connect, or connect lacks app or tcUrl")
        self._control(chunks.WINDOW, struct.pack(">I", WINDOW))
        self._control(chunks.BANDWIDTH, struct.pack(">IB", WINDOW, 2))
        self._control(chunks.SET_CHUNK_SIZE, struct.pack(">I", chunks.OUT_CHUNK))
        self._reply(stream, "_result", transaction, {"fmsVer": "LNX 9,0,124,2", "capabilities": 31},
                    {"level": "status", "code": "NetConnection.Connect.Success", "description": "Connection succeeded.",
                     "objectEncoding": 0})
        fourccs = options.get("fourCcList")
        return options["app"], url, fourccs if isinstance(fourccs, list) else []

    async def _action(self, app):
        """Play or publish, and the path's name; other commands, such as FCPublish, get no answer."""
        while True:
            stream, name, transaction, *values = await self._command()
            if name == "createStream":
                self._reply(stream, "_result", transaction, None, 1)
            elif name in ("publish", "play"):
                if len(values) < 2 or not isinstance(values[1], str):
                    raise ProtocolError(f"RTMP {name} without a stream name")
                target = "/" + app + ("/" + values[1] if values[1] else "")
                self.transaction = transaction
                return name, urllib.parse.unquote(target.partition("?")[0]).lstrip("/")

    # Publishing

    async def _publish(self, name):
        if self.generation.answers_after_lookup:
            check_name(name)
        self._status("NetStream.Publish.Start", "publish start")
        analysis, is_known = Analysis(), False
        while not is_known:
            _, media = await self._next()
            is_known = analysis.take(media if isinstance(media, flv.Media) else None)
        tracks = analysis.tracks()
        self.index = {key: number for number, key in enumerate(tracks)}
        self.path = Path(self.registry, name, self, list(tracks.values()))
        # Before anybody can attach: readers miss what the analysis has read.
        for media in analysis.recorded:
            self._take(media)
        analysis.recorded.clear()
        while True:
            self.expect(READ_TIMEOUT)
            _, media = await self._next()
            if isinstance(media, flv.Media):
                self._take(media)
            await asyncio.sleep(0)                       # a fast publisher must not starve the readers

    def _take(self, media):
        if media.is_enhanced and media.is_configuration:
            return
        index = self.index.get((media.kind, media.track))
        if index is None:
            what = "video" if media.kind == flv.VIDEO else "audio"
            raise ProtocolError(f"a packet for {what} track {media.track}, which is not set up")
        track = self.path.tracks[index]
        if media.codec != track.codec:
            return
        if track.codec in (sdp.H265, sdp.AV1):
            units = h264.split_nals(media.payload) if track.codec == sdp.H265 else av1.split(media.payload)
            self.path.take_unit(index, 90 * (media.time + media.offset), hevc.Picture(units, media.time))
        elif media.kind == flv.VIDEO:
            nals = list(h264.parameter_sets(media.payload)) if media.is_configuration else h264.split_nals(media.payload)
            if nals:
                self.path.take_unit(index, 90 * (media.time + media.offset), nals)
        elif not media.is_configuration:
            self.path.take_unit(index, media.time * track.clock // 1000, [media.payload])

    # Playing

    async def _play(self, name, fourccs):
        if not self.generation.answers_after_lookup:
            self._accept_play()                          # said before the path is looked for
        path = self.registry.get(name)
        if path is None:
            log(self.peer, "asks for", name, "which nobody publishes")
            return
        if self.generation.answers_after_lookup:
            self._accept_play()
        self.path, self.is_reader = path, True
        path.add_reader(self)
        self.flv = FlvWriter(path.tracks, fourccs, self.generation.spares_legacy_readers)
        for message in self.flv.headers():
            self.writer.write(message)
        log(self.peer, "reads", name)
        self.expect(None)
        path.play(self)
        # Nobody listens to a reader from here on: it is gone when it cannot be written to.
        self.writer.transport.pause_reading()
        await self.writer.wait_closed()

    def _accept_play(self):
        self._control(chunks.USER_CONTROL, struct.pack(">HI", STREAM_IS_RECORDED, 1))
        self._control(chunks.USER_CONTROL, struct.pack(">HI", STREAM_BEGIN, 1))
        self._status("NetStream.Play.Reset", "play reset")
        self._status("NetStream.Play.Start", "play start")
        self._status("NetStream.Data.Start", "data start")
        self._status("NetStream.Play.PublishNotify", "publish notify")

    def encode(self, index, time, payload):
        return self.flv.encode(index, time, payload) if payload else None

    # Sending

    def _control(self, kind, body):
        self.writer.write(chunks.encode(kind, 0, body, stream=0, chunk_stream=2))

    def _reply(self, chunk_stream, *values):
        self.writer.write(chunks.encode(chunks.COMMAND, 0, amf.encode(*values), stream=0, chunk_stream=chunk_stream))

    def _status(self, code, description):
        self.writer.write(chunks.encode(chunks.COMMAND, 0, amf.encode(
            "onStatus", self.transaction, None, {"level": "status", "code": code, "description": description}), chunk_stream=5))
