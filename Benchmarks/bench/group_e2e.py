"""The E2E tests themselves: streams side by side, the start of both projects, and what a run costs beside its streams."""
import json
import os
import subprocess

from measure import OURS, ROOT, WORK, Cases, MeasureError, progress

FOLDER = WORK / "e2e"
TIMEOUT = 15 * 60  # s


def measure(runs):
    cases = Cases("e2e")
    for number in range(1, runs + 1):
        progress(f"e2e {number}/{runs}: one 30 s stream, then four and eight at once")
        report = run("ParallelStreams", tags="")
        seconds = report["measurements"]
        one = seconds["1 at once (s)"]
        cases.case("one 30 s stream, published to judged", "s").add(OURS, one)
        for count, name, wanted in ((4, "four", 1.25), (8, "eight", None)):
            several = seconds[f"{count} at once (s)"]
            cases.case(f"{name} 30 s streams at once, published to judged", "s").add(OURS, several)
            cases.case(f"{name} at once ÷ one", "ratio", wanted).add(OURS, several / one)
        progress(f"e2e {number}/{runs}: smoke")
        report = run("E2E", tags="smoke")
        cases.case("both projects, up to ready", "s").add(OURS, report["env_ready_s"])
        cases.case("smoke, whole run", "s").add(OURS, report["total_s"])
        cases.case("smoke, overhead: without a stream being published", "s", 20).add(
            OURS, report["total_s"] - report["publishing_s"])
    return cases


def run(name, tags):
    """Runs a part of the E2E tests with its report in a folder of its own, and returns the report."""
    log = WORK / f"e2e-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "E2E_REPORT_DIR": str(FOLDER), "E2E_TAGS": tags, "E2E_BENCH": "1"}
    with log.open("wb") as output:
        done = subprocess.run(
            [ROOT / "scripts" / "e2e.sh", "--filter", name if name == "E2E" else f"E2E.E2E/{name}"], cwd=ROOT,
            env=environment, stdout=output, stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        said = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise MeasureError(f"{name} ended with {done.returncode}; all of it is in {log}:\n{said}")
    return json.loads((FOLDER / "report.json").read_text(encoding="utf-8"))
