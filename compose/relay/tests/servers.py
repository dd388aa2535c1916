"""The media servers that the behaviour suite runs against: the relay in two generations, and MediaMTX if there is one."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PART = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONFIGURATION = os.path.join(os.path.dirname(PART), "mediamtx", "mediamtx.yml")
WRITE_QUEUE = 1024                      # as in that file
START = 15                              # s
FOLDER = tempfile.TemporaryDirectory()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [s.getsockname()[1] for s in sockets]
    for each in sockets:
        each.close()
    return numbers


class Server:
    """One running media server; `version` is the MediaMTX that it is or behaves like."""

    def __init__(self, name, version, command, environment, folder=PART):
        self.name, self.version = name, version
        self.command, self.environment, self.folder = command, environment, folder
        self.process = self.log = None

    def start(self):
        """Another program may take a port between its choice and its use: then with other ports."""
        for _ in range(5):
            self.rtsp, self.rtmp, self.api = free_ports(3)
            self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
            ports = {k: v.format(rtsp=self.rtsp, rtmp=self.rtmp, api=self.api) for k, v in self.environment.items()}
            self.process = subprocess.Popen(self.command, cwd=self.folder, env={**os.environ, **ports},
                                            stdout=self.log, stderr=subprocess.STDOUT)
            self.until("the control API answers, or the server has ended", self._answers_or_has_ended, START)
            if self.process.poll() is None:
                return
            if "in use" not in self.log_text():
                break
        raise AssertionError(f"{self.name} ended with {self.process.poll()} while it started; its log:\n{self.log_text()[-3000:]}")

    def _answers_or_has_ended(self):
        return self.process.poll() is not None or self.get("/v3/paths/list")["items"] == []

    def stop(self):
        """What was wrong with how it ran, or nothing."""
        if self.process is None:
            return ""
        early = self.process.poll()
        self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "no end within 10 s of SIGTERM"
        text = self.log_text()
        if early is not None or code not in (0, -15) or re.search("internal error|Traceback|panic:", text):
            return f"{self.name} ended with {code if early is None else early}; its log:\n{text[-8000:]}"
        return ""

    def log_text(self):
        with open(self.log.name) as file:
            return file.read()

    def until(self, what, condition, timeout=10):
        """Waits until the condition holds, and gives its value."""
        end, last = time.monotonic() + timeout, None
        while time.monotonic() < end:
            try:
                last = condition()
                if last:
                    return last
            except (OSError, urllib.error.URLError) as error:
                last = error
            time.sleep(0.02)
        raise AssertionError(f"after {timeout} s still not so: {what} (last seen: {last!r}); log of {self.name}:\n"
                             + self.log_text()[-3000:])

    def request(self, route, method="GET"):
        """Status and body."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.api}{route}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def get(self, route):
        return json.loads(self.request(route)[1])

    def path(self, name):
        """The path's entry in the list, or None."""
        return next((p for p in self.get("/v3/paths/list?itemsPerPage=1000")["items"] if p["name"] == name), None)

    def await_path(self, name, timeout=10):
        return self.until(f"{name} is listed as ready", lambda: (self.path(name) or {}).get("ready"), timeout)

    def await_readers(self, name, count=1):
        return self.until(f"{name} has {count} readers", lambda: len((self.path(name) or {}).get("readers", [])) >= count)


def relay(version):
    environment = {"RTSP_PORT": "{rtsp}", "RTMP_PORT": "{rtmp}", "API_PORT": "{api}", "RELAY_GENERATION": version,
                   "WRITE_QUEUE_SIZE": str(WRITE_QUEUE)}
    return Server(f"relay {version}", version_of(version), [sys.executable, "-m", "relay"], environment)


def mediamtx(binary):
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=START).stdout.strip()
    environment = {"MTX_RTSPADDRESS": "127.0.0.1:{rtsp}", "MTX_RTMPADDRESS": "127.0.0.1:{rtmp}",
                   "MTX_APIADDRESS": "127.0.0.1:{api}", "MTX_MOQ": "no"}     # what an older version does not know, it ignores
    # It leaves certificates where it is started.
    return Server(f"MediaMTX {text}", version_of(text), [os.path.abspath(binary), CONFIGURATION], environment, FOLDER.name)


def version_of(text):
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if not match:
        raise SystemExit(f"{text!r} is no version of MediaMTX")
    return tuple(int(n or 0) for n in match.groups())
