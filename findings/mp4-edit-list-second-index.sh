#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2).
# Run: a minute of AAC, copied 600 times in a row into an MP4 of ten hours (300 MB), which gets the edit list that every AAC encoder's priming asks for;
#   the same with -advanced_editlist 0 when it is read, the same packets in an MP4 without an edit list, and in Matroska. Of each the first second is
#   decoded. Largest memory of the process, less that for the minute alone.
# Seen: 80 MB with the edit list, 40 MB if it is not followed or not there, 0 to 1 MB in Matroska; with either version.
# Surprising: an edit list of one entry, which only hides 21 ms at the beginning, costs as much as the index of the whole file, since libavformat makes
#   a second one (24 bytes for each of 1.7 million frames) and keeps its memory. That is after asking for one second, or with ffprobe for the length alone.
# What to do: record for hours into Matroska, or read with -advanced_editlist 0 where the list is known to hide priming only.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v ffmpeg >/dev/null || { echo "not tried: no ffmpeg here" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.6.0
other=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
make=(ffmpeg -nostdin -v error)
"${make[@]}" -f lavfi -i sine=440:sample_rate=48000 -t 60 -c:a aac -b:a 64k minute.m4a
"${make[@]}" -stream_loop 599 -i minute.m4a -c copy list.m4a
"${make[@]}" -i list.m4a -c copy -use_editlist 0 none.m4a
"${make[@]}" -i list.m4a -c copy list.mkv
cat >largest.py <<'P'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
P
seen=
for program in ffmpeg "$other"; do
  alone=$(python3 largest.py "$program" -nostdin -v error -t 1 -i minute.m4a -f null -)
  more() { echo $((($(python3 largest.py "$program" -nostdin -v error "$@" -f null -) - alone + 10) / 20 * 20)); }
  seen+="$("$program" -version | sed -n '1s/^ffmpeg version \([0-9.]*\).*/\1/p'): followed $(more -t 1 -i list.m4a), "
  seen+="not followed $(more -advanced_editlist 0 -t 1 -i list.m4a), none $(more -t 1 -i none.m4a), Matroska $(more -t 1 -i list.mkv)"$'\n'
done
wanted='5.1.9: followed 80, not followed 40, none 40, Matroska 0
7.0.2: followed 80, not followed 40, none 40, Matroska 0
'
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected MB, to the next 20:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described, MB more than for a minute, to the next 20:\n%s' "$seen"
