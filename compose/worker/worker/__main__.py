"""python3 -m worker"""

import asyncio
import logging
import os
import signal
import sys

import av.logging

from . import settings
from .worker import Worker

_STOP_TIMEOUT_S = 1.5


async def _main(configuration: settings.Settings) -> None:
    """Ends the process: reader threads may sit in a read that only a timeout ends, and whatever asyncio would still
    wait for must not keep a container alive that was told to stop."""
    code = await _work(configuration)
    logging.shutdown()
    os._exit(code)


async def _work(configuration: settings.Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)  # as PID 1 the process has no default handler
    working = asyncio.create_task(Worker(configuration).run(stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        await asyncio.wait([working], timeout=_STOP_TIMEOUT_S)
        logging.getLogger("worker").info("stopped%s", "" if working.done() else f": {working.get_stack()} did not end")
    if working.done() and (error := working.exception()) is not None:
        logging.getLogger("worker").error("%s: %s", type(error).__name__, error)
        return 1
    return 0


def main() -> None:
    try:
        configuration = settings.load()
    except settings.SettingsError as error:
        sys.exit(f"worker: {error}")
    logging.basicConfig(
        level=getattr(logging, configuration.log_level, logging.INFO),
        format="%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stdout,
    )
    # "no AAC SBR" and the like about single packets; what matters is thrown and logged with the stream's name.
    av.logging.set_level(av.logging.FATAL)
    asyncio.run(_main(configuration))


if __name__ == "__main__":
    main()
