"""python3 -m speaker"""

import logging
import os
import sys

from aiohttp import web

from .faults import Faults
from .server import application


def main() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, datefmt="%H:%M:%S", format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        faults = Faults.parse(os.environ.get("SPEECH_FAULT", ""))
        port = int(os.environ.get("PORT") or "3000")
    except ValueError as error:
        sys.exit(f"speaker: {error}")
    app, _ = application(os.environ.get("SPEECH_KEY") or "second", faults)
    web.run_app(app, host="0.0.0.0", port=port, access_log=None, print=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
