"""RTMP connections (Adobe RTMP 1.0): handshake, commands, publish and play."""
import asyncio
import os
import struct

from . import amf, chunks, flv
from .connection import Connection
from .errors import ProtocolError
from .log import log
from .paths import Path, clean_name

WINDOW = 2_500_000
ACKNOWLEDGE_EVERY = 1_000_000           # bytes
# Metadata names the tracks to wait for; a publisher that names none is taken with what came in this time.
TRACK_WAIT = 2.0
NO_TRACK_WAIT = 6.0
MAX_COMMAND = 64 << 10
SET_DATA_FRAME = amf.encode("@setDataFrame")


class RtmpConnection(Connection):
    kind = "rtmpConn"

    async def run(self):
        await self._handshake()
        self.app, self.publishing = "", False
        self.metadata, self.began = {}, 0.0
        acknowledged = self.bytes_in
        reader = chunks.ChunkReader(self.read)
        while True:
            message = await reader.message()
            if self.bytes_in - acknowledged > ACKNOWLEDGE_EVERY:
                acknowledged = self.bytes_in
                self._control(chunks.ACKNOWLEDGEMENT, struct.pack(">I", acknowledged & 0xFFFFFFFF))
            if message.kind in (flv.AUDIO, flv.VIDEO):
                self._media(message)
            elif message.kind in (flv.DATA, chunks.DATA_AMF3):
                self._data(message)
            elif message.kind in (chunks.COMMAND, chunks.COMMAND_AMF3):
                if not await self._command(message):
                    return
            await asyncio.sleep(0)                       # a fast publisher must not starve the readers

    async def _handshake(self):
        greeting = await self.read(1537)
        if greeting[0] != 3:
            raise ProtocolError(f"RTMP version {greeting[0]}")
        self.writer.write(b"\3" + bytes(8) + os.urandom(1528) + greeting[1:])
        await self.read(1536)

    # Publishing

    def _media(self, message):
        if not self.publishing:
            raise ProtocolError("RTMP media before publish")
        if len(message.body) < 2:
            return                                       # empty packets are how some encoders say "still here"
        self.path.take_tag(flv.Tag(message.kind, message.time, message.body))
        if not self.path.ready:
            self._start_when_known()

    def _start_when_known(self):
        path, age = self.path, asyncio.get_running_loop().time() - self.began
        wanted = {kind for kind, member in ((flv.VIDEO, "videocodecid"), (flv.AUDIO, "audiocodecid"))
                  if self.metadata.get(member)}
        known = {kind for kind, header in ((flv.VIDEO, path.video_header), (flv.AUDIO, path.audio_header)) if header}
        if known and (wanted <= known or age > TRACK_WAIT):
            path.start_rtmp()
        elif not known and age > NO_TRACK_WAIT:
            raise ProtocolError("publisher sends neither H.264 nor AAC")

    def _data(self, message):
        if not self.publishing:
            return
        body = message.body if message.kind == flv.DATA else message.body[1:]
        if body.startswith(SET_DATA_FRAME):
            body = body[len(SET_DATA_FRAME):]
        values = amf.decode(body)
        if values and values[0] == "onMetaData":
            self.metadata = values[1] if len(values) > 1 and isinstance(values[1], dict) else {}
            self.path.take_tag(flv.Tag(flv.DATA, 0, body))

    # Commands

    async def _command(self, message):
        """False ends the connection."""
        if len(message.body) > MAX_COMMAND:
            raise ProtocolError("RTMP command is too long")
        values = amf.decode(message.body if message.kind == chunks.COMMAND else message.body[1:])
        if not values or not isinstance(values[0], str):
            raise ProtocolError("RTMP command without a name")
        name, transaction = values[0], values[1] if len(values) > 1 else 0
        if name == "connect":
            self._connect(transaction, values)
        elif name == "createStream":
            self._reply("_result", transaction, None, 1)
        elif name in ("publish", "play"):
            if self.path:
                raise ProtocolError(f"RTMP {name} on a connection that has a stream already")
            if len(values) < 4 or not isinstance(values[3], str):
                raise ProtocolError(f"RTMP {name} without a stream name")
            full = clean_name("/".join(p for p in (self.app, values[3].split("?")[0].strip("/")) if p))
            if name == "publish":
                self._publish(full)
            else:
                return await self._play(full)
        elif name in ("deleteStream", "closeStream", "FCUnpublish"):
            return not self.path
        return True

    def _connect(self, transaction, values):
        options = values[2] if len(values) > 2 and isinstance(values[2], dict) else {}
        self.app = str(options.get("app", "")).split("?")[0].strip("/")
        self._control(chunks.WINDOW, struct.pack(">I", WINDOW))
        self._control(chunks.BANDWIDTH, struct.pack(">IB", WINDOW, 2))
        self._control(chunks.SET_CHUNK_SIZE, struct.pack(">I", chunks.OUT_CHUNK))
        self._reply("_result", transaction, {"fmsVer": "FMS/3,0,1,123", "capabilities": 31},
                    {"level": "status", "code": "NetConnection.Connect.Success", "description": "connected",
                     "objectEncoding": 0})

    def _publish(self, name):
        self.path = Path(self.registry, name, self, self.kind)
        self.publishing, self.began = True, asyncio.get_running_loop().time()
        self._status("NetStream.Publish.Start")

    async def _play(self, name):
        path = self.registry.get(name)
        if not path or not path.ready:
            log(self.peer, "asks for", name, "which nobody publishes")
            self._status("NetStream.Play.StreamNotFound", "error")
            await self.writer.drain()
            return False
        self._control(chunks.USER_CONTROL, struct.pack(">HI", 0, 1))
        self._status("NetStream.Play.Reset")
        self._status("NetStream.Play.Start")
        self.writer.write(chunks.encode(flv.DATA, 0, amf.encode("|RtmpSampleAccess", True, True)))
        self.path, self.is_reader = path, True
        log(self.peer, "reads", name)
        # No await between the two: nothing may be published in between.
        opening = path.opening()
        self.allowance = sum(len(tag.body) for tag in opening)
        for tag in opening:
            self.send_tag(tag)
        path.readers.add(self)
        return True

    # Sending

    def send_tag(self, tag):
        self.send(chunks.encode(tag.kind, tag.time, tag.body))

    def end(self):
        if self.is_reader and not self.writer.transport.is_closing():
            # Without the notice a reader takes the close for an I/O error.
            self._control(chunks.USER_CONTROL, struct.pack(">HI", 1, 1))
            self._status("NetStream.Play.UnpublishNotify")
        self.writer.close()

    def _control(self, kind, body):
        self.writer.write(chunks.encode(kind, 0, body, stream=0, chunk_stream=2))

    def _reply(self, *values):
        self.writer.write(chunks.encode(chunks.COMMAND, 0, amf.encode(*values), stream=0))

    def _status(self, code, level="status"):
        self.writer.write(chunks.encode(chunks.COMMAND, 0, amf.encode(
            "onStatus", 0, None, {"level": level, "code": code, "description": code})))
