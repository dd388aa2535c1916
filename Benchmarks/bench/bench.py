"""Runs the groups, prints the table, writes the result files. Started by scripts/bench.sh, which makes what this needs."""
import argparse
import datetime
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time

from measure import FLOOR, FLOOR_RELAY, ROOT, WORK, MeasureError, progress

GROUPS = ["socketio", "audioprint", "composekit", "e2e"]
RESULTS = ROOT / "Benchmarks" / "results"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--group", choices=[*GROUPS, "all"], default="all")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="also write Benchmarks/results/<date>.json and .md")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    records, failed = [], []
    began = machine(options.runs)
    progress(began)
    for group in GROUPS if options.group == "all" else [options.group]:
        start = time.monotonic()
        shutil.rmtree(WORK / "compose", ignore_errors=True)
        try:
            records += importlib.import_module(f"group_{group}").measure(options.runs).records()
        except (MeasureError, TimeoutError, subprocess.SubprocessError) as error:
            failed.append(group)
            progress(f"{group} FAILED: {error}")
        progress(f"{group} took {time.monotonic() - start:.0f} s")
    write(records, options, began)
    if failed:
        sys.exit(f"bench: these groups could not be measured: {', '.join(failed)}; the reasons are above")


def write(records, options, began):
    WORK.mkdir(parents=True, exist_ok=True)
    text = json.dumps(records, indent=2, ensure_ascii=False) + "\n"
    (WORK / "results.json").write_text(text, encoding="utf-8")
    table = rows(records)
    print_table(table)
    print(f"\nresults: {(WORK / 'results.json').relative_to(ROOT)}; load at the end {load()}")
    if options.save and records:
        RESULTS.mkdir(exist_ok=True)
        target = RESULTS / datetime.date.today().isoformat()
        target.with_suffix(".json").write_text(text, encoding="utf-8")
        target.with_suffix(".md").write_text(markdown(table, began), encoding="utf-8")
        print(f"saved: {target.relative_to(ROOT)}.json and .md")


def rows(records):
    """Text of the table's cells, one list a row; the ratio is ours to the nearest peer's."""
    table = []
    for record in records:
        peers = {name: value for name, value in record["peers"].items() if value is not None}
        rivals = [value for name, value in peers.items() if name not in (FLOOR, FLOOR_RELAY)]
        best = (min if record["lower_is_better"] else max)(rivals, default=None)
        ours = record["ours"]
        wanted, met = number(record["wanted"]), ""
        if record["wanted"] is not None:
            met = "yes" if (ours <= record["wanted"]) == record["lower_is_better"] or ours == record["wanted"] else "no"
            wanted = wanted if record["lower_is_better"] else f"≥ {wanted}"
        ratio = f"{ours / best:.2f}" if best and best > 0 else "–"
        listed = ", ".join(f"{name} {number(value)}" for name, value in peers.items()) or "–"
        table.append([record["group"], record["case"], record["unit"], number(ours), listed, wanted, met, ratio])
    return table


HEAD = ["group", "case", "unit", "ours", "peers", "wanted ≤", "met", "ours ÷ best peer"]


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def print_table(table):
    widths = [max(len(row[column]) for row in [HEAD, *table]) for column in range(len(HEAD))]
    print()
    for row in [HEAD, *table]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def markdown(table, began):
    lines = [f"`make bench`: {began}. Medians; lower is better, except of what is per second.", ""]
    lines += ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join(lines) + "\n"


def machine(runs):
    date = datetime.datetime.now().astimezone().isoformat(timespec="minutes")
    return f"{date}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, {runs} runs, load at the start {load()}"


def load():
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
