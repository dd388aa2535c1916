"""Running one participant, and collecting what all of them said."""
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "Benchmarks" / "peers"
WORK = ROOT / ".build" / "bench"
PYTHON = sys.executable
OURS = "ours"
# The same with the package's trait LibAV: no ffmpeg process.
OURS_LIBAV = "ours, LibAV"
# No peer but what none can be below, so that no ratio is formed with it.
FLOOR = "floor: bare recv"
FLOOR_RELAY = "floor: bare relay"
# Linux counts peak memory in kilobytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def swift_tool(name, build="BENCH_BIN"):
    return str(Path(os.environ[build]) / name)


def peer(script, *arguments):
    return [PYTHON, str(PEERS / script), *map(str, arguments)]


def progress(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


class MeasureError(Exception):
    """A participant did not do what was asked of it; the message holds what it said."""


def run(command, timeout=180, status=0):
    """Runs a participant and returns the JSON objects that it printed, a line each."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise MeasureError(f"{' '.join(command)}\n  did not end within {timeout} s") from error
    if done.returncode != status:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise MeasureError(f"{' '.join(command)}\n  ended with {done.returncode}, expected {status}:\n{said}")
    return json_lines(done.stdout)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def usage_of(command, timeout=600, statuses=(0,)):
    """CPU seconds of a process and the children that it waited for, the largest memory of any one of them in MB, and its output."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    deadline = threading.Timer(timeout, process.kill)
    deadline.start()
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    deadline.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in statuses:
        raise MeasureError(f"{' '.join(command)}\n  ended with {process.returncode}; {timeout} s were allowed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT / 1e6, output


@contextmanager
def server(command, last_words=None):
    """A process that prints its port (bare or as {"port": n}) and ends with its standard input; gives its URL.

    What it prints at its end, JSON objects a line each, is put into the list `last_words`.
    """
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        if not line:
            raise MeasureError(f"{' '.join(command)}\n  ended without saying its port")
        said = json.loads(line)
        yield f"http://127.0.0.1:{int(said['port'] if isinstance(said, dict) else said)}"
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if last_words is not None:
            last_words.extend(json_lines(process.stdout.read()))
        process.stdout.close()


@dataclass
class Case:
    """One line of the table; the value of a participant is the median of its samples."""

    group: str
    name: str
    unit: str
    wanted: float | None
    lower_is_better: bool = True
    samples: dict = field(default_factory=dict)

    def add(self, who, value):
        self.samples.setdefault(who, []).append(value)

    def median(self, who):
        return statistics.median(self.samples[who]) if self.samples.get(who) else None

    def record(self):
        return {
            "group": self.group, "case": self.name, "unit": self.unit, "lower_is_better": self.lower_is_better, "ours": rounded(self.median(OURS)),
            "peers": {who: rounded(self.median(who)) for who in self.samples if who != OURS},
            "wanted": self.wanted, "runs": len(self.samples.get(OURS, [])),
        }


def rounded(value):
    return None if value is None else float(f"{value:.4g}")


class Cases:
    """The cases of one group, in the order in which they were first named."""

    def __init__(self, group):
        self.group = group
        self.by_name = {}

    def case(self, name, unit, wanted=None, lower_is_better=True):
        return self.by_name.setdefault(name, Case(self.group, name, unit, wanted, lower_is_better))

    def records(self):
        return [case.record() for case in self.by_name.values()]
