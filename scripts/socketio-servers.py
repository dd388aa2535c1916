#!/usr/bin/env python3
"""Makes docs/socketio-servers.md of what the last `make interop` wrote to .build/socketio-servers; fails if a cell is missing."""
import json
import pathlib
import sys
from datetime import date

root = pathlib.Path(__file__).resolve().parent.parent
SERVERS = ["aiohttp", "uvicorn", "hypercorn", "tornado", "werkzeug", "gevent", "eventlet"]
PYTHONS = {"newest": "newest", "debian": "Debian 12"}
WAYS = {"polling": "P", "webSocket": "W", "upgrade": "U"}

cells = {}
rows = []
for python in PYTHONS:
    for server in SERVERS:
        path = root / f".build/socketio-servers/{server}-{python}.json"
        if not path.exists():
            sys.exit(f"socketio-servers: {path} is missing; next: make interop")
        for cell in json.loads(path.read_text()):
            cells[server, python, cell["way"], cell["row"]] = cell.get("failure")
            if cell["row"] not in rows:
                rows.append(cell["row"])
rows.sort()
requirements = (root / "scripts/peers-requirements.txt").read_text()
versions = [line for line in requirements.splitlines() if line and not line.startswith("#")]
total = len(cells)
good = sum(failure is None for failure in cells.values())
lines = [
    "# Socket.IO servers in Python, case by case",
    "",
    f"Made by `make interop` on {date.today()}: {good} of {total} cells as they should be. A cell names the ways that worked: **P**olling,",
    "**W**ebSocket, **U**pgrade from one to the other; ~~struck out~~ is what did not, – is what the server cannot (Debian has no",
    "simple-websocket for Werkzeug, and its python-engineio does not tell maxPayload). The newest: " + ", ".join(versions) + ".",
    "Debian 12: python-socketio 5.7.2, python-engineio 4.3.4 and its own servers.",
    "",
]
for python, title in PYTHONS.items():
    lines += [f"## {title}", "", "| case | " + " | ".join(SERVERS) + " |", "|---|" + "---|" * len(SERVERS)]
    for row in rows:
        texts = []
        for server in SERVERS:
            marks = ""
            for way, letter in WAYS.items():
                key = (server, python, way, row)
                marks += "–" if key not in cells else letter if cells[key] is None else f"~~{letter}~~"
            texts.append("–" if set(marks) == {"–"} else marks)
        lines.append(f"| {row} | " + " | ".join(texts) + " |")
    lines.append("")
failures = [(key, failure) for key, failure in sorted(cells.items()) if failure is not None]
if failures:
    lines += ["## What went wrong", ""]
    for (server, python, way, row), failure in failures:
        lines.append(f"- {server}, {PYTHONS[python]}, {way}, {row}: {failure.splitlines()[0]}")
    lines.append("")
(root / "docs/socketio-servers.md").write_text("\n".join(lines))
print(f"docs/socketio-servers.md: {good} of {total}")
sys.exit(good != total)
