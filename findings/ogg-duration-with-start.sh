#!/usr/bin/env bash
# ffmpeg and ffprobe 7:5.1.9-0+deb12u1 (Debian 12); mutagen 1.48.1, tinytag 2.3.2, soundfile 0.14.0 (PyPI).
# Run: 10 s of Opus in Ogg whose first page stands at 100 s, as RFC 7845 (section 4) allows for what is cut from a live stream.
# Seen: ffprobe says start_time 100.0 and duration 110.0, so the end would be at 210 s; mutagen and tinytag say 110 s. soundfile says 10 s.
# Surprising: ffprobe knows the start and does not take it off; for MPEG-TS its duration is the length. Whoever computes start + duration,
#   or a bitrate, is wrong by the time that the stream had been live before.
# What to do: take (last packet's end - start_time) for Ogg, or decode and count.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check mutagen==1.48.1 tinytag==2.3.2 soundfile==0.14.0 numpy==2.4.6
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=10:r=48000 -c:a libopus zero.opus
ffmpeg -nostdin -v error -i zero.opus -c copy -output_ts_offset 100 late.opus
ffmpeg -nostdin -v error -i zero.opus -c copy -output_ts_offset 100 late.ts
probe() { ffprobe -v error -show_entries format=start_time,duration -of csv=p=0 "$1" | awk -F, '{ printf "start %.0f duration %.0f", $1, $2 }'; }
seen="ffprobe: opus $(probe late.opus), ts $(probe late.ts); $(venv/bin/python - <<'PY'
import mutagen, soundfile, tinytag
print(f"mutagen {mutagen.File('late.opus').info.length:.0f}, tinytag {tinytag.TinyTag.get('late.opus').duration:.0f}, soundfile {soundfile.info('late.opus').duration:.0f}")
PY
)"
wanted="ffprobe: opus start 100 duration 110, ts start 101 duration 10; mutagen 110, tinytag 110, soundfile 10"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
