#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: four recordings of 8 s in MPEG-TS of a channel that has been on the air for 26.5 hours: two before its 33-bit clock starts anew (by 144 and by 24 s), one
#   across that moment, one behind it; what each says that it starts at.
# Seen: 95,300 s; -23.7 s; -3.7 s; 4.3 s.
# Surprising: what begins in the last minute before the moment is moved as a whole to before zero, even if it ends before it, so that of two recordings that
#   follow each other the first starts at 26.5 hours and the next before 0, with no gap between them. Sorting by start time, or subtracting the starts of sound and captions that are files of their own,
#   is off by 26.5 hours for one file in a day. A negative start is what an edit list makes, too, and is often taken for it.
# What to do: keep wall-clock times beside recordings; subtract time stamps modulo 2^33 / 90,000 s.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
seen=
for start in 95300 95420 95440 95448; do
  ffmpeg -nostdin -v error -y -f lavfi -i testsrc=size=64x36:rate=25:d=8 -c:v libx264 -preset ultrafast -bf 0 -output_ts_offset $start -muxdelay 0 -muxpreload 0 \
    out.ts
  says=$(ffprobe -v error -show_entries format=start_time -of csv=p=0 out.ts)
  seen+=$(LC_ALL=C printf '%.1f ' "$says")
done
wanted="95300.0 -23.7 -3.7 4.3 "
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected: %s\nSeen: %s\n' "$wanted" "$seen" >&2; exit 1; }
echo "As described: $seen"
