"""Starts the three listeners and ends on SIGTERM or SIGINT."""
import asyncio
import os
import signal
import sys

from . import api
from .errors import ProtocolError
from .generation import Generation
from .log import log
from .paths import Registry
from .rtmp import RtmpConnection
from .rtsp import MAX_HEADER, RtspConnection

READ_AHEAD = 1 << 20


def port(name, default):
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit(f"{name} must be a port number, not {text!r}")
    return int(text)


async def main():
    # As PID 1 the process has no default handler: unhandled, SIGTERM would be ignored until the engine kills.
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        generation = Generation()
    except ProtocolError as error:
        sys.exit(str(error))
    registry = Registry()
    rtsp, rtmp, control = port("RTSP_PORT", 8554), port("RTMP_PORT", 1935), port("API_PORT", 9997)
    servers = [await asyncio.start_server(RtspConnection.handler(registry), "0.0.0.0", rtsp, limit=MAX_HEADER),
               await asyncio.start_server(RtmpConnection.handler(registry), "0.0.0.0", rtmp, limit=READ_AHEAD),
               await asyncio.start_server(api.handler(registry), "0.0.0.0", control, limit=16 << 10)]
    log(f"listening: RTSP {rtsp}, RTMP {rtmp}, API {control}; like MediaMTX {generation.text}")
    await stop.wait()
    log("stopping")
    for server in servers:
        server.close()
    registry.close()
    await asyncio.sleep(0)                               # the connections close

asyncio.run(main())
