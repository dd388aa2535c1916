#!/usr/bin/env python3
"""Whether shards are one whole run: scripts/check-shards.py [--apart] MERGED SHARD…, each a folder with a report.json.

Reads the reports by itself, and nothing of what `dubbing-report merge` concludes. --apart: each shard has to have had an
engine of its own. Ends with 1 and a sentence for each case that no shard has run, or several.
"""
import json
import sys
import xml.etree.ElementTree
from pathlib import Path

apart = sys.argv[1:2] == ["--apart"]
merged, *shards = (Path(name) for name in sys.argv[1 + apart:])
if not shards:
    sys.exit(__doc__)
problems = []


def read(folder):
    try:
        return json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{folder} has no report: {error}")
        return {}


def name(case):
    return case["test"] + (f": {case['arguments']}" if case.get("arguments") is not None else "")


reports = {folder.name: read(folder) for folder in shards}
runs, known = {}, set()
for shard, report in reports.items():
    for case in report.get("cases") or []:
        known.add(name(case))
        if case["outcome"] != "not run":
            runs.setdefault(name(case), []).append(shard)
    own = (report.get("shards") or {}).get("reported")
    if not own or len(own) != 1 or report["shards"]["count"] != len(shards):
        problems.append(f"{shard} says of itself {report.get('shards')}, and is one of {len(shards)}")
indices = sorted(index for report in reports.values() for index in (report.get("shards") or {}).get("reported", []))
if indices != list(range(1, len(shards) + 1)):
    problems.append(f"these are the shards {indices}, not 1 to {len(shards)}")
for case in sorted(known):
    if len(by := runs.get(case, [])) != 1:
        problems.append(f"'{case}' was run by {', '.join(by) or 'no shard'}")
if not known:
    problems.append("there is no case")

whole = read(merged)
cases = [name(case) for case in whole.get("cases") or [] if case["outcome"] != "not run"]
if sorted(cases) != sorted(known):
    other = ", ".join(sorted(set(cases) ^ known))
    problems.append(f"the merged report has results of {len(cases)} cases, the shards know {len(known)}: {other}")
junit = merged / "junit.xml"
tests = len(xml.etree.ElementTree.parse(junit).findall(".//testcase")) if junit.exists() else 0
if tests != len(known):
    problems.append(f"{junit} has {tests} cases of {len(known)}")

engines = [
    {(one.get("remote") or {}).get("host") for one in report.get("environments", [])} for report in reports.values()
]
if apart and (any(len(of) != 1 or None in of for of in engines) or len(set.union(*engines)) != len(shards)):
    problems.append(f"these are not {len(shards)} engines, one for each shard: {engines}")

for problem in problems:
    print(f"shards: {problem}", file=sys.stderr)
if problems:
    sys.exit(1)
walls = [report["total_s"] for report in reports.values()]
counts = [sum(shard in of for of in runs.values()) for shard in reports]
spread = (max(walls) - min(walls)) / max(walls)
print(f"shards: {' + '.join(map(str, counts))} = {len(known)} cases, each run once; "
      f"{', '.join(f'{wall:.1f}' for wall in walls)} s: the longest {max(walls):.1f} s, spread {100 * spread:.0f} %")
