#!/usr/bin/env python3
"""Runs the E2E tests again and again, and says how often they failed and what they left behind.

    make soak N=30 TAGS=smoke

Writes .build/e2e/soak.json. Exits 1 when a run failed or something was left behind.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORT = pathlib.Path(os.environ.get("E2E_REPORT_DIR", ROOT / ".build" / "e2e"))
RUN_TIMEOUT = 45 * 60   # s
PROGRAMS = ("ffmpeg", "ffprobe", "docker-compose", "docker compose", "docker events")


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()


def containers():
    """Every container, network and volume that compose made."""
    label = "label=com.docker.compose.project"
    return set(lines("docker", "ps", "-aq", "--filter", label)
               + lines("docker", "network", "ls", "-q", "--filter", label)
               + lines("docker", "volume", "ls", "-q", "--filter", label))


def processes():
    """Processes of the programs that the tests start, zombies left out."""
    found = set()
    for line in lines("ps", "-eo", "pid=,stat=,args="):
        pid, state, command = line.split(None, 2) if len(line.split(None, 2)) == 3 else (line, "Z", "")
        if not state.startswith("Z") and any(f"{program} " in f"{command} " for program in PROGRAMS):
            found.add(pid)
    return found


def files():
    """What lies in the folder for temporary files."""
    return {str(path) for path in pathlib.Path(tempfile.gettempdir()).iterdir()}


def run(arguments, log):
    began = time.monotonic()
    with log.open("ab") as output:
        try:
            code = subprocess.run([ROOT / "scripts" / "e2e.sh", "--skip-build", *arguments], cwd=ROOT, stdout=output,
                                  stderr=subprocess.STDOUT, timeout=RUN_TIMEOUT).returncode
        except subprocess.TimeoutExpired:
            code = "timeout"
    # The largest process that has ended so far; it grows only if a run needed more than all before it.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return code, time.monotonic() - began, peak


def main():
    parser = argparse.ArgumentParser(description="Runs the E2E tests again and again.")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--filter", default="E2E")
    arguments = parser.parse_args()
    log = ROOT / ".build" / "soak.log"
    log.write_bytes(b"")
    subprocess.run(["swift", "build", "--build-tests"], cwd=ROOT, check=True)
    before = containers(), processes(), files()
    durations, peaks, failures = [], [], 0
    for number in range(1, arguments.runs + 1):
        code, seconds, peak = run(["--filter", arguments.filter], log)
        durations.append(round(seconds, 1))
        peaks.append(peak)
        failures += code != 0
        print(f"soak: run {number} of {arguments.runs}: {'passed' if code == 0 else f'FAILED ({code})'} after {seconds:.1f} s", flush=True)
        if code != 0:
            kept = ROOT / ".build" / f"soak-failure-{number}"
            subprocess.run(["cp", "-r", REPORT, kept], check=False)
            print(f"soak: its report is kept in {kept}", flush=True)
    after = containers(), processes(), files()
    left = [sorted(new - old) for old, new in zip(before, after)]
    result = {"runs": arguments.runs, "failures": failures, "durations_s": durations,
              "leaks": {"containers": len(left[0]), "processes": len(left[1]), "files": len(left[2]),
                        "rss_mb_growth": round(peaks[-1] - peaks[0], 1)}}
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "soak.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"soak: {arguments.runs - failures} of {arguments.runs} passed; median {statistics.median(durations):.1f} s, "
          f"slowest {max(durations):.1f} s; test process grew by {result['leaks']['rss_mb_growth']} MB")
    for name, found in zip(("containers, networks, volumes", "processes", "temporary files"), left):
        print(f"soak: left behind: {len(found)} {name}" + (f": {' '.join(found[:10])}" if found else ""))
    print(f"soak: {REPORT / 'soak.json'}, log {log}")
    sys.exit(1 if failures or any(left) else 0)


if __name__ == "__main__":
    main()
