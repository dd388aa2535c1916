"""Which MediaMTX the relay behaves like: RELAY_GENERATION, 1.15 unless set."""
import os
import re

from .errors import ProtocolError

DEFAULT = "1.15"


class Generation:
    def __init__(self, text=None):
        text = text or os.environ.get("RELAY_GENERATION") or DEFAULT
        match = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
        if not match:
            raise ProtocolError(f"RELAY_GENERATION must be a version such as {DEFAULT}, not {text!r}")
        self.text, self.version = text, tuple(int(n or 0) for n in match.groups())

    @property
    def names_availability(self):
        """`available` and `online` beside `ready` in the paths list."""
        return self.version >= (1, 16)

    @property
    def spares_legacy_readers(self):
        """RTMP readers that list no enhanced codecs get one track of each kind; before, all, in messages that they may not know."""
        return self.version >= (1, 16, 2)

    @property
    def names_inbound_bytes(self):
        """`tracks2`, `inboundBytes` and `outboundBytes` in the paths list."""
        return self.version >= (1, 17)

    @property
    def knows_abort(self):
        """RTMP's abort message; before, it ended the connection."""
        return self.version >= (1, 18, 2)

    @property
    def answers_after_lookup(self):
        """Play and publish are answered once the path is known; before, a refused reader was told that playing starts."""
        return self.version >= (1, 20, 1)

    @property
    def reports_at_once(self):
        """RTSP readers get the first sender report with the first packet that can be dated; before, after ten seconds."""
        return self.version >= (1, 20, 1)
