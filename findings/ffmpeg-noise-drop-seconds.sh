#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12); imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2) for comparison.
# Run: a 6 s MP4 at 25 fps, stream-copied to FLV and to MP4 with -bsf:v "noise=drop='lt(pts*tb,3.5)'" (drop what lies before 3.5 s).
# Seen: 5.1.9 keeps 62 pictures in MP4 but none in FLV; with gt() instead, it keeps all 150 in FLV. 7.0.2 keeps 62 in both.
# Surprising: the documentation calls tb the time base of the packet's stream, so pts*tb should be seconds whatever is written. In 5.1 the muxer's
#   time base (1/1000 for FLV) is in pts already, while tb is still the input's (1/12800): 3.5 s are 44,800 ms. Nothing is logged.
# What to do: with 5.1, write the bound in the output's units (lt(pts,3500) for FLV), or test the filter with the muxer it is for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)

# Pictures that are left: ffmpeg, output file, condition.
left() {
  "$1" -nostdin -v error -y -i in.mp4 -map 0:v -c copy -bsf:v "noise=drop='$3'" "$2"
  ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$2"
}
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x120:r=25:d=6 -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p in.mp4
seen="5.1.9: mp4 $(left ffmpeg a.mp4 'lt(pts*tb,3.5)'), flv $(left ffmpeg b.flv 'lt(pts*tb,3.5)'), flv gt $(left ffmpeg c.flv 'gt(pts*tb,3.5)')
7.0.2: mp4 $(left "$newer" d.mp4 'lt(pts*tb,3.5)'), flv $(left "$newer" e.flv 'lt(pts*tb,3.5)'), flv gt $(left "$newer" f.flv 'gt(pts*tb,3.5)')"
wanted="5.1.9: mp4 62, flv N/A, flv gt 150
7.0.2: mp4 62, flv 62, flv gt 88"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
