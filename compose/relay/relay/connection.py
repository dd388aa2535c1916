"""What RTSP and RTMP connections have in common: limits, timeouts, and an end that harms nobody else."""
import asyncio
import socket
import struct
import uuid

from .errors import ProtocolError
from .log import log

MAX_UNSENT = 8 << 20                    # bytes; a reader further behind than this is dropped
PUBLISHER_SILENCE = 10.0                # s, as MediaMTX's readTimeout
FAREWELL = 5.0                          # s, for the last bytes to reach a peer that reads slowly
OPENING_TIMEOUT = 10.0                  # s, from connecting to publishing or playing


class Connection:
    kind = ""

    def __init__(self, registry, reader, writer):
        self.registry, self.reader, self.writer = registry, reader, writer
        self.id = str(uuid.uuid4())
        self.path = None
        self.is_reader = False
        self.bytes_in = 0
        self.allowance = 0              # bytes of the opening burst, for which a reader is not slow
        peer = writer.get_extra_info("peername")
        self.peer = f"{self.kind} {peer[0]}:{peer[1]}" if peer else self.kind
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def handler(cls, registry):
        async def handle(reader, writer):
            await cls(registry, reader, writer).serve()
        return handle

    async def read(self, count):
        data = await self.reader.readexactly(count)
        self.bytes_in += count
        return data

    async def serve(self):
        watchdog = asyncio.ensure_future(self._watch())
        try:
            await self.run()
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass                                         # the peer went away, which is how streams end
        except (ProtocolError, asyncio.LimitOverrunError, UnicodeDecodeError, ValueError, IndexError, struct.error) as error:
            log(self.peer, "closed, malformed input:", error)
        except Exception as error:                       # a fault of ours must not take the other streams along
            log(self.peer, "closed, internal error:", repr(error))
        finally:
            watchdog.cancel()
            self._leave()
            self.writer.close()
            asyncio.get_running_loop().call_later(FAREWELL, self.writer.transport.abort)

    def _leave(self):
        if self.path and self.is_reader:
            self.path.readers.discard(self)
        elif self.path:
            self.path.close()

    async def _watch(self):
        """Closes a connection that never says what it wants, and a publisher that has fallen silent."""
        await asyncio.sleep(OPENING_TIMEOUT)
        if self.path is None:
            log(self.peer, f"closed: neither published nor played within {OPENING_TIMEOUT:g} s")
            self.writer.transport.abort()
            return
        while not self.is_reader:
            before = self.bytes_in
            await asyncio.sleep(PUBLISHER_SILENCE)
            if self.bytes_in == before:
                log(self.peer, f"closed: no data for {PUBLISHER_SILENCE:g} s from the publisher of", self.path.name)
                self.writer.transport.abort()
                return

    def send(self, data):
        transport = self.writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_UNSENT + self.allowance:
            log(self.peer, "dropped: slow reader of", self.path.name if self.path else "nothing")
            self.path and self.path.readers.discard(self)
            transport.abort()
            return
        self.writer.write(data)
        if self.is_reader:
            self.path.sent += len(data)

    def end(self):
        """The path is over."""
        self.writer.close()

    async def run(self):
        raise NotImplementedError
