"""Publishes one RTMP stream. Packets are written as given: the worker must not change a byte or a timestamp.

Own code rather than libavformat's muxer because that connects and closes while it holds the interpreter lock (a
server that hangs would stop every other stream), shifts all timestamps when the first one is negative, and knows no
write timeout.
"""

import asyncio
import os
import struct
import urllib.parse

from . import flv

_CHUNK_SIZE = 65_536


class PublishError(Exception):
    """The stream could not be published, or its connection was lost."""


class RtmpPublisher:
    """One connection, one stream: connect(), write_…(), close()."""

    def __init__(self, url: str, timeout: float):
        parts = urllib.parse.urlsplit(url)
        self._url = url
        self._host, self._port = parts.hostname or "", parts.port or 1935
        self._app, _, self._key = parts.path.strip("/").rpartition("/")
        self._timeout = timeout
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._parser = flv.ChunkParser()
        self._received: asyncio.Queue[flv.Message] = asyncio.Queue()
        self._reading: asyncio.Task | None = None
        self._lost: str | None = None
        self._stream_id = 1
        self._read_bytes = 0

    async def connect(self) -> None:
        try:
            await asyncio.wait_for(self._handshake(), self._timeout)
        except asyncio.TimeoutError:
            raise PublishError(f"{self._url}: no answer within {self._timeout:g} s") from None
        except (OSError, EOFError, flv.ProtocolError) as error:
            raise PublishError(f"{self._url}: {error or type(error).__name__}") from error

    async def write(self, kind: int, timestamp_ms: int, body: bytes) -> None:
        if self._lost or self._writer is None:
            raise PublishError(f"{self._url}: {self._lost or 'not connected'}")
        stream_id = 0 if kind == flv.ACKNOWLEDGEMENT else self._stream_id
        self._writer.write(flv.chunked(flv.Message(kind, timestamp_ms, body), stream_id, _CHUNK_SIZE))
        transport = self._writer.transport
        if not transport.get_write_buffer_size() and not transport.is_closing():
            # The kernel has it, as nearly always: no task and no timer for each packet, but the other streams have their turn.
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(self._writer.drain(), self._timeout)
        except asyncio.TimeoutError:
            raise PublishError(f"{self._url}: took no data for {self._timeout:g} s") from None
        except OSError as error:
            raise PublishError(f"{self._url}: {error}") from error

    async def write_metadata(self, fields: dict) -> None:
        await self.write(flv.DATA, 0, flv.amf("@setDataFrame", "onMetaData", fields))

    async def keep_alive(self) -> None:
        """A message without meaning for the stream."""
        await self.write(flv.ACKNOWLEDGEMENT, 0, struct.pack(">I", self._read_bytes & 0xFFFFFFFF))

    async def close(self) -> None:
        """Unpublishes and closes; the path is gone when the server has read it."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            if not self._lost:
                for number, name in ((6, "FCUnpublish"), (7, "deleteStream")):
                    argument = self._key if name == "FCUnpublish" else self._stream_id
                    body = flv.amf(name, number, None, argument)
                    writer.write(flv.chunked(flv.Message(flv.COMMAND, 0, body), 0, _CHUNK_SIZE))
                await asyncio.wait_for(writer.drain(), 2)
        except (OSError, asyncio.TimeoutError):
            pass  # the connection is closed either way
        finally:
            if self._reading:
                self._reading.cancel()
            writer.close()

    async def _handshake(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        client = bytes(8) + os.urandom(1528)
        self._writer.write(b"\x03" + client)
        answer = await self._reader.readexactly(1 + 1536)
        if answer[0] != 3:
            raise flv.ProtocolError(f"handshake version {answer[0]}")
        self._writer.write(answer[1:])
        await self._reader.readexactly(1536)
        self._reading = asyncio.create_task(self._read())
        self._send_control(flv.SET_CHUNK_SIZE, struct.pack(">I", _CHUNK_SIZE))
        target = f"rtmp://{self._host}:{self._port}/{self._app}"
        self._command("connect", 1, {"app": self._app, "type": "nonprivate", "flashVer": "FMLE/3.0", "tcUrl": target})
        await self._result(1)
        self._command("releaseStream", 2, None, self._key)
        self._command("FCPublish", 3, None, self._key)
        self._command("createStream", 4, None)
        self._stream_id = int((await self._result(4))[3])
        self._command("publish", 5, None, self._key, "live", stream_id=self._stream_id)
        while True:
            values = await self._next_command()
            info = values[3] if len(values) > 3 and isinstance(values[3], dict) else {}
            if values[0] == "onStatus" and info.get("code") == "NetStream.Publish.Start":
                return
            if values[0] in ("onStatus", "_error") and info.get("level") == "error":
                raise flv.ProtocolError(f"publish refused: {info.get('code')} {info.get('description', '')}".strip())

    def _command(self, *values, stream_id: int = 0) -> None:
        self._writer.write(flv.chunked(flv.Message(flv.COMMAND, 0, flv.amf(*values)), stream_id, _CHUNK_SIZE))

    def _send_control(self, kind: int, body: bytes) -> None:
        if self._writer is not None:
            self._writer.write(flv.chunked(flv.Message(kind, 0, body), 0, _CHUNK_SIZE))

    async def _result(self, number: int) -> list:
        while True:
            values = await self._next_command()
            if len(values) > 1 and values[1] == number:
                if values[0] == "_error":
                    raise flv.ProtocolError(f"command {number} refused: {values[2:]}")
                if values[0] == "_result":
                    return values

    async def _next_command(self) -> list:
        while True:
            message = await self._received.get()
            if message.kind == -1:
                raise EOFError(self._lost)
            values = flv.parse_amf(message.body)
            if values:
                return values

    async def _read(self) -> None:
        """Answers pings and notices at once that the server has gone."""
        try:
            while data := await self._reader.read(65_536):
                self._read_bytes += len(data)
                for message in self._parser.feed(data):
                    if message.kind == flv.COMMAND:
                        if self._received.qsize() < 64:
                            self._received.put_nowait(message)
                    elif message.kind == flv.USER_CONTROL and message.body[:2] == b"\x00\x06":
                        self._send_control(flv.USER_CONTROL, b"\x00\x07" + message.body[2:6])
                    elif message.kind == flv.WINDOW_SIZE:
                        self._send_control(flv.ACKNOWLEDGEMENT, struct.pack(">I", self._read_bytes & 0xFFFFFFFF))
            self._lost = "the server closed the connection"
        except (OSError, flv.ProtocolError) as error:
            self._lost = str(error) or type(error).__name__
        finally:
            self._received.put_nowait(flv.Message(-1, 0, b""))
