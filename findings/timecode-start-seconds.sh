#!/usr/bin/env bash
# timecode 1.5.1 (PyPI).
# Run: Timecode("29.97", start_seconds=3600), its text and to_realtime(True); the same for 25 fps.
# Seen: 01:00:03;17, and to_realtime gives back 3603.6 s. At 25 fps: 00:59:59:24, 3600.0 s.
# Surprising: drop-frame timecode exists so that one hour on the clock is 01:00:00;00. start_seconds counts 30 frames for each second, to_realtime
#   30000/1001: a cue that goes in at 3600 s comes out 3.6 s later, 0.1 % for every cue before it. Silent, and right for all whole rates, so that
#   tests at 25 fps pass.
# What to do: compute frames yourself, round(seconds * 30000 / 1001), and pass frames=.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check timecode==1.5.1
seen=$(venv/bin/python - <<'PY'
from timecode import Timecode
for rate in ("29.97", "25"):
    code = Timecode(rate, start_seconds=3600)
    print(rate, code, f"{float(code.to_realtime(True)):.1f}")
print("frames", Timecode("29.97", frames=round(3600 * 30000 / 1001) + 1))
PY
)
wanted="29.97 01:00:03;17 3603.6
25 00:59:59:24 3600.0
frames 01:00:00;00"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
