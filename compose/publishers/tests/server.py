"""The media server under test: the relay of this package, or a real MediaMTX, started here or already running."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

COMPOSE = pathlib.Path(__file__).resolve().parents[2]
#: A server answers, or a path appears, within this (s). MediaMTX first reads 2 s of an RTMP publisher's stream time.
READY_TIMEOUT_S = 20.0

#: As compose/mediamtx/mediamtx.yml, on the loopback and on the ports that are free here.
_MEDIAMTX = """\
logLevel: info
api: yes
apiAddress: 127.0.0.1:{api}
rtsp: yes
rtspTransports: [tcp]
rtspAddress: 127.0.0.1:{rtsp}
rtmp: yes
rtmpAddress: 127.0.0.1:{rtmp}
hls: no
webrtc: no
srt: no
writeQueueSize: 1024
paths:
  all_others:
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class MediaServer:
    """`PUBLISHERS_SERVER` names the server: relay (default) or mediamtx, whose program is MEDIAMTX_BINARY.

    With PUBLISHERS_RTSP_PORT, PUBLISHERS_RTMP_PORT and PUBLISHERS_API_PORT the server is one that runs here already.
    """

    def __init__(self):
        self.name = os.environ.get("PUBLISHERS_SERVER") or "relay"
        self._process = None
        self._folder = tempfile.TemporaryDirectory()
        self._log = open(os.path.join(self._folder.name, "server.log"), "w+", encoding="utf-8", errors="replace")
        given = [os.environ.get(f"PUBLISHERS_{kind}_PORT") for kind in ("RTSP", "RTMP", "API")]
        self.rtsp_port, self.rtmp_port, self.api_port = [int(p) for p in given] if all(given) else free_ports(3)
        if not all(given):
            self._start()
        self.until(f"{self.name} answers", lambda: self.paths() is not None)

    def _start(self):
        environment, folder = dict(os.environ), None
        if self.name == "mediamtx":
            settings = os.path.join(self._folder.name, "mediamtx.yml")
            pathlib.Path(settings).write_text(
                _MEDIAMTX.format(rtsp=self.rtsp_port, rtmp=self.rtmp_port, api=self.api_port), encoding="utf-8")
            command = [os.environ["MEDIAMTX_BINARY"], settings]
            environment["MTX_MOQ"] = "no"  # newer versions have a listener more; 1.15.6 does not know it
        elif self.name == "relay":
            ports = {"RTSP_PORT": self.rtsp_port, "RTMP_PORT": self.rtmp_port, "API_PORT": self.api_port}
            environment |= {name: str(port) for name, port in ports.items()}
            command, folder = [sys.executable, "-m", "relay"], COMPOSE / "relay"
        else:
            raise ValueError(f"PUBLISHERS_SERVER={self.name!r}: use relay or mediamtx")
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=self._log, stderr=self._log)

    def close(self):
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        self._folder.cleanup()

    # Addresses

    def url(self, protocol, path):
        port = self.rtsp_port if protocol == "rtsp" else self.rtmp_port
        return f"{protocol}://127.0.0.1:{port}/{path}"

    # Control API

    def paths(self):
        """The paths list by name, or None while the server does not answer."""
        try:
            url = f"http://127.0.0.1:{self.api_port}/v3/paths/list?itemsPerPage=1000"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return {item["name"]: item for item in json.load(answer)["items"]}
        except (OSError, urllib.error.URLError):
            return None

    def ready(self, path):
        """The item of a path that can be read, or None."""
        item = (self.paths() or {}).get(path)
        return item if item and item["ready"] else None

    def until(self, what, condition, timeout=READY_TIMEOUT_S):
        """The condition's first true answer; an error after the timeout says what the server wrote meanwhile."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if answer := condition():
                return answer
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self._process.returncode}\n{self.log_text()}")
            time.sleep(0.02)  # the control API has no events: it can only be asked again
        raise AssertionError(f"after {timeout:g} s still not so: {what}\npaths: {self.paths()}\n{self.log_text()}")

    def log_text(self):
        with open(self._log.name, encoding="utf-8", errors="replace") as file:
            return file.read()
