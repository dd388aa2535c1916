"""What RTSP and RTMP connections have in common: deadlines, a reader's queue, and an end that harms nobody else."""
import asyncio
import os
import socket
import struct
import sys
import uuid
from collections import deque

from .errors import ProtocolError
from .generation import Generation
from .log import log


def queue_size(text):
    """How many units or packets may wait for one reader."""
    if not text.isdigit() or int(text) == 0:
        sys.exit(f"WRITE_QUEUE_SIZE must be a number of at least 1, not {text!r}")
    return int(text)


# MediaMTX's settings and their defaults.
READ_TIMEOUT = 10.0                     # s
WRITE_TIMEOUT = 10.0                    # s, for one packet or message
WRITE_QUEUE = queue_size(os.environ.get("WRITE_QUEUE_SIZE") or "1024")     # MediaMTX's own default is 512; mediamtx.yml says 1024
FAREWELL = 5.0                          # s, for the last answer to reach a peer that reads slowly


class Connection:
    kind = ""

    def __init__(self, registry, reader, writer, generation=None):
        self.registry, self.reader, self.writer = registry, reader, writer
        self.generation = generation or Generation()
        self.id = str(uuid.uuid4())
        self.path = None
        self.is_reader = self.ended = False
        self.bytes_in = 0
        self.queue, self.flusher, self.discarded = deque(), None, 0
        self._deadline = self._timer = None
        peer = writer.get_extra_info("peername")
        self.peer = f"{self.kind} {peer[0]}:{peer[1]}" if peer else self.kind
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What the kernel has not taken waits in `queue`, where it is counted, not in the transport.
        writer.transport.set_write_buffer_limits(high=0)

    @classmethod
    def handler(cls, registry):
        generation = Generation()

        async def handle(reader, writer):
            await cls(registry, reader, writer, generation).serve()
        return handle

    async def read(self, count):
        data = await self.reader.readexactly(count)
        self.bytes_in += count
        return data

    async def serve(self):
        try:
            await self.run()
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass                                         # the peer went away, which is how streams end
        except (ProtocolError, asyncio.LimitOverrunError, UnicodeDecodeError, ValueError, IndexError, struct.error) as error:
            if not self.ended:
                log(self.peer, "closed, malformed input:", error)
        except Exception as error:                       # a fault of ours must not take the other streams along
            log(self.peer, "closed, internal error:", repr(error))
        finally:
            self.expect(None)
            self._leave()
            await self._close()

    async def _close(self):
        self.writer.close()
        try:
            await asyncio.wait_for(self.writer.wait_closed(), FAREWELL)
        except asyncio.TimeoutError:
            self.writer.transport.abort()
        except (ConnectionError, OSError):
            pass

    def _leave(self):
        if self.flusher:
            self.flusher.cancel()
        if self.path and self.is_reader:
            self.path.remove_reader(self)
        elif self.path:
            self.path.close()

    # Deadlines

    def expect(self, seconds):
        """Ends the connection unless this is called again within that time; None: it may be silent."""
        loop = asyncio.get_running_loop()
        self._deadline = None if seconds is None else loop.time() + seconds
        if self._timer and (self._deadline is None or self._timer.when() > self._deadline):
            self._timer.cancel()
            self._timer = None
        if self._timer is None and self._deadline is not None:
            self._timer = loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self):
        # Moved on by every packet, so that the timer is set again when it fires, not each time.
        self._timer = None
        loop = asyncio.get_running_loop()
        if self._deadline is not None and self._deadline > loop.time():
            self._timer = loop.call_at(self._deadline, self._check_deadline)
        elif self._deadline is not None:
            log(self.peer, "closed: nothing came before the read deadline")
            self.ended = True
            self.writer.transport.abort()

    # A reader's queue

    def push(self, *item):
        """Sends at once if the kernel takes it, queues it otherwise, and drops it when the queue is full."""
        if self.ended:
            return
        if not self.queue and not self.writer.transport.get_write_buffer_size():
            self._deliver(item)
        elif len(self.queue) >= WRITE_QUEUE:
            if not self.discarded:
                asyncio.get_running_loop().call_later(1.0, self._report_discarded)
            self.discarded += 1
        else:
            self.queue.append(item)
            if self.flusher is None:
                self.flusher = asyncio.ensure_future(self._flush())

    def _deliver(self, item):
        try:
            data = self.encode(*item)
        except ProtocolError as error:
            log(self.peer, "closed:", error)
            self.end()
            return
        if data:
            self.writer.write(data)
            self.path.sent += len(data)

    async def _flush(self):
        try:
            while self.queue and not self.ended:
                await asyncio.wait_for(self.writer.drain(), WRITE_TIMEOUT)
                if self.queue:                           # the end of the path may have emptied it meanwhile
                    self._deliver(self.queue.popleft())
        except asyncio.TimeoutError:
            log(self.peer, f"closed: took nothing for {WRITE_TIMEOUT:g} s")
            self.end()
        except (ConnectionError, OSError):
            self.end()
        finally:
            self.flusher = None

    def _report_discarded(self):
        log(self.peer, "is too slow a reader:", self.discarded, "frames discarded")
        self.discarded = 0

    def end(self):
        """Closes at once; what is queued is lost, without a farewell."""
        self.ended = True
        self.queue.clear()
        self.writer.transport.abort()

    def encode(self, *item):
        """A queued item's bytes."""
        raise NotImplementedError

    async def run(self):
        raise NotImplementedError
