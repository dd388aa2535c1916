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
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORT = pathlib.Path(os.environ.get("E2E_REPORT_DIR", ROOT / ".build" / "e2e"))
RUN_TIMEOUT = 45 * 60   # s
# Of its own, so that what others on the machine leave in the common one is not counted.
TEMPORARY = pathlib.Path(tempfile.gettempdir()) / f"soak-{os.getpid()}"
MARK = f"E2E_SOAK={os.getpid()}"
ENVIRONMENT = {**os.environ, "TMPDIR": str(TEMPORARY), "E2E_SOAK": str(os.getpid())}
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
    """Whatever a run has started and that is still there: each has inherited the mark; zombies have no environment."""
    if not pathlib.Path("/proc/self/environ").exists():
        return named_processes()
    found = set()
    for environ in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if MARK.encode() in environ.read_bytes().split(b"\0"):
                found.add(f"{environ.parent.name} ({(environ.parent / 'comm').read_text().strip()})")
        except OSError:     # It has ended, or is another user's.
            continue
    return found


def named_processes():
    """Where the environment of a process cannot be read: those of the programs that the tests start, whoever started them."""
    found = set()
    for line in lines("ps", "-eo", "pid=,stat=,args="):
        pid, state, command = line.split(None, 2) if len(line.split(None, 2)) == 3 else (line, "Z", "")
        if not state.startswith("Z") and any(f"{program} " in f"{command} " for program in PROGRAMS):
            found.add(pid)
    return found


def files():
    """What lies in the runs' folder for temporary files, but for what `swift test` itself leaves each time."""
    return {str(path) for path in TEMPORARY.iterdir() if not is_of_swiftpm(path)}


def is_of_swiftpm(path):
    if path.name.startswith("TemporaryDirectory."):
        return path.is_dir() and {inner.name for inner in path.iterdir()} <= {".keep-directory"}
    return path.name.endswith(".lock") or path.name == "swift-generated-sources"


def settled(look, before, seconds=10):
    """What is new after some seconds in which it may still end by itself."""
    deadline = time.monotonic() + seconds
    while (new := look() - before) and time.monotonic() < deadline:
        time.sleep(0.2)
    return sorted(new)


def run(arguments, log):
    began = time.monotonic()
    with log.open("ab") as output:
        try:
            code = subprocess.run([ROOT / "scripts" / "e2e.sh", "--skip-build", *arguments], cwd=ROOT, stdout=output,
                                  stderr=subprocess.STDOUT, timeout=RUN_TIMEOUT, env=ENVIRONMENT).returncode
        except subprocess.TimeoutExpired:
            code = "timeout"
    # The largest process that has ended so far; it grows only if a run needed more than all before it.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return code, time.monotonic() - began, peak


def judged():
    """What the last run's report says: healthy streams and those that were flagged, faults and those not caught, overhead in s."""
    try:
        report = json.loads((REPORT / "report.json").read_text())
    except (OSError, ValueError):     # It failed before it could write one; its exit code counts.
        return {}
    healthy = [stream for stream in report["streams"] if stream.get("fault") is None]
    return {"healthy": len(healthy), "flagged": sum(not stream["passed"] for stream in healthy),
            "faults": len(report["faults"]), "missed": sum(not fault["ok"] for fault in report["faults"]),
            "overhead_s": round(report["total_s"] - report["publishing_s"], 1)}


def main():
    parser = argparse.ArgumentParser(description="Runs the E2E tests again and again.")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--filter", default="E2E")
    arguments = parser.parse_args()
    log = ROOT / ".build" / "soak.log"
    log.write_bytes(b"")
    TEMPORARY.mkdir()
    subprocess.run(["swift", "build", "--build-tests"], cwd=ROOT, check=True)
    before = containers(), processes(), files()
    durations, peaks, verdicts, failures = [], [], [], 0
    for number in range(1, arguments.runs + 1):
        code, seconds, peak = run(["--filter", arguments.filter], log)
        durations.append(round(seconds, 1))
        peaks.append(peak)
        verdicts.append(judged())
        failures += code != 0
        print(f"soak: run {number} of {arguments.runs}: {'passed' if code == 0 else f'FAILED ({code})'} after {seconds:.1f} s", flush=True)
        if code != 0:
            kept = ROOT / ".build" / f"soak-failure-{number}"
            subprocess.run(["cp", "-r", REPORT, kept], check=False)
            print(f"soak: its report is kept in {kept}", flush=True)
    sums = {key: sum(verdict.get(key, 0) for verdict in verdicts) for key in ("healthy", "flagged", "faults", "missed")}
    overheads = [verdict["overhead_s"] for verdict in verdicts if verdict]
    left = [settled(look, old) for look, old in zip((containers, processes, files), before)]
    result = {"runs": arguments.runs, "failures": failures, "durations_s": durations,
              "overheads_s": overheads, "streams": sums,
              "leaks": {"containers": len(left[0]), "processes": len(left[1]), "files": len(left[2]),
                        "rss_mb_growth": round(peaks[-1] - peaks[0], 1)}}
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "soak.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"soak: {arguments.runs - failures} of {arguments.runs} passed; median {statistics.median(durations):.1f} s, "
          f"slowest {max(durations):.1f} s; test process grew by {result['leaks']['rss_mb_growth']} MB")
    print(f"soak: {sums['flagged']} of {sums['healthy']} healthy streams flagged, {sums['faults'] - sums['missed']} of "
          f"{sums['faults']} faults caught; largest overhead {max(overheads, default=0):.1f} s")
    for name, found in zip(("containers, networks, volumes", "processes", "temporary files"), left):
        print(f"soak: left behind: {len(found)} {name}" + (f": {' '.join(found[:10])}" if found else ""))
    print(f"soak: {REPORT / 'soak.json'}, log {log}")
    if not left[2]:
        shutil.rmtree(TEMPORARY)
    sys.exit(1 if failures or any(left) else 0)


if __name__ == "__main__":
    main()
