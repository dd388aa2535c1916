#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2): the same in both.
# Run: 4 s of H.264 and AAC written as FLV with time stamps that begin 2,147,480 s (24.86 days) after 0, as a stream has that is live for so long;
#   the file is read again by the same ffmpeg.
# Seen: the picture at 2,147,483.62 s is followed by one at 4,294,967.31 s: the stream has a gap of 24.86 days. In the file the time stamps begin again
#   at 0: of the 32 bits that a tag has for milliseconds, ffmpeg's muxer writes 31. Its demuxer takes what comes back for a jump over all 32.
# Surprising: neither reports a thing, and writer and reader are one program. RTMP carries the same numbers as FLV.
# What to do: end an FLV recording, and let an RTMP encoder connect anew, before 24 days, 20 hours and 31 minutes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check imageio-ffmpeg==0.6.0
newer=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
ffmpeg -nostdin -v error -f lavfi -i testsrc=r=25:d=4:s=160x120 -f lavfi -i sine=r=44100:d=4 -c:v libx264 -bf 0 -g 25 -c:a aac -ac 2 short.flv
# Seconds of the pictures before and after the largest step, and of the time stamp that the file itself holds for the latter (24 bits, then 8).
steps() {
  "$1" -nostdin -v error -i short.flv -c copy -output_ts_offset 2147480 "$2.flv"
  "$1" -nostdin -v error -copyts -i "$2.flv" -map 0:v -c copy -f framecrc - >"$2.txt"
  python3 - "$2.flv" "$2.txt" <<'PY'
import sys
times = [int(line.split(",")[2]) / 1000 for line in open(sys.argv[2]) if not line.startswith("#")]
step, at = max((after - before, index) for index, (before, after) in enumerate(zip(times, times[1:])))
data, position, stamps = open(sys.argv[1], "rb").read(), 13, []
while position + 11 <= len(data):
    size = int.from_bytes(data[position + 1 : position + 4], "big")
    if data[position] == 9 and data[position + 12] == 1:
        stamps.append((data[position + 7] << 24 | int.from_bytes(data[position + 4 : position + 7], "big")) / 1000)
    position += size + 15
print(f"read {times[at]:.2f} then {times[at + 1]:.2f}; in the file {stamps[at]:.2f} then {stamps[at + 1]:.2f}")
PY
}
seen="5.1.9: $(steps ffmpeg older)
7.0.2: $(steps "$newer" newer)"
wanted="5.1.9: read 2147483.62 then 4294967.31; in the file 2147483.62 then 0.01
7.0.2: read 2147483.62 then 4294967.31; in the file 2147483.62 then 0.01"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
