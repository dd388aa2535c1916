#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2).
# Run: a second of H.264 in MP4, twice in a row, copied by the concat demuxer with -safe 0 -auto_convert 0 into another MP4: the second time by its
#   name in the same list, by a list of its own that the first list names, and by that with "option auto_convert 0" below it. Then copied to MPEG-TS.
# Seen: 50 packets each time, exit code 0, no warning. Of those that came by the inner list 25 begin with a start code (Annex B), though the file's
#   head says that packets begin with lengths. ffmpeg plays all 50 pictures; its own copy to MPEG-TS ends with an error after 25.
# Surprising: options of the command line hold for the list that it names and for no list in that list, where -auto_convert is 1 again (and -safe as
#   well). Playing the file shows nothing, since ffmpeg's decoder forgives it; what cannot is another muxer, hours later.
# What to do: "option auto_convert 0" in the outer list, below the line that names the inner one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v ffmpeg >/dev/null || { echo "not tried: no ffmpeg here" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.6.0
other=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
ffmpeg -nostdin -v error -f lavfi -i testsrc=size=64x64:rate=25 -t 1 -c:v libx264 -bf 0 -g 25 clip.mp4
printf 'ffconcat version 1.0\nfile clip.mp4\n' >inner.ffconcat
printf 'ffconcat version 1.0\nfile clip.mp4\nfile clip.mp4\n' >flat.ffconcat
printf 'ffconcat version 1.0\nfile clip.mp4\nfile inner.ffconcat\n' >nested.ffconcat
printf 'ffconcat version 1.0\nfile clip.mp4\nfile inner.ffconcat\noption auto_convert 0\n' >told.ffconcat
count() { ffprobe -v quiet -count_$1 -show_entries stream=nb_read_$1 -of default=nk=1:nw=1 "$2" | sed -n 1p; }
seen=
for program in ffmpeg "$other"; do
  for list in flat nested told; do
    words=$("$program" -nostdin -v warning -y -f concat -safe 0 -auto_convert 0 -i $list.ffconcat -c copy $list.mp4 2>&1) || words="error: $words"
    started=$(ffprobe -v error -show_packets -show_data $list.mp4 2>/dev/null | grep -c '^00000000: 0000 0001' || true)
    pictures=$(count frames $list.mp4)
    "$program" -nostdin -v quiet -y -i $list.mp4 -c copy $list.ts && end=copied || end="not copied"
    seen+="$("$program" -version | sed -n '1s/^ffmpeg version \([0-9.]*\).*/\1/p'), $list: $(count packets $list.mp4) packets, "
    seen+="$started with start codes, $pictures pictures${words:+; $words}; $end: $(count frames $list.ts)"$'\n'
  done
done
wanted='5.1.9, flat: 50 packets, 0 with start codes, 50 pictures; copied: 50
5.1.9, nested: 50 packets, 25 with start codes, 50 pictures; not copied: 25
5.1.9, told: 50 packets, 0 with start codes, 50 pictures; copied: 50
7.0.2, flat: 50 packets, 0 with start codes, 50 pictures; copied: 50
7.0.2, nested: 50 packets, 25 with start codes, 50 pictures; not copied: 25
7.0.2, told: 50 packets, 0 with start codes, 50 pictures; copied: 50
'
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s' "$seen"
