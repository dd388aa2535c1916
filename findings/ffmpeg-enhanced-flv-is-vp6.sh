#!/usr/bin/env bash
# imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2) writes, ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) reads.
# Run: 1 s of HEVC and 1 s of AV1, each written as FLV (enhanced RTMP tags) by 7.0.2 and probed by 5.1.9.
# Seen: 7.0.2 reads hevc and av1; 5.1.9's ffprobe says, with exit 0 and no warning, vp6f for both.
# Surprising: not "unknown codec" but a wrong one. In an enhanced tag the low four bits are the packet's type, which a reader from before reads as codec
#   number: what the codec is called depends on which kind of packet comes first. Only decoding fails, with "Invalid data found".
# What to do: before sending HEVC or AV1 over RTMP, ask each reader's version; do not route by the codec name that an older ffprobe gives for FLV.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
"$newer" -nostdin -v error -f lavfi -i testsrc2=s=160x120:r=25:d=1 -c:v libx265 -x265-params log-level=none -pix_fmt yuv420p hevc.flv
"$newer" -nostdin -v error -f lavfi -i testsrc2=s=160x120:r=25:d=1 -c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p av1.flv
seen=""
for codec in hevc av1; do
  old=$(ffprobe -v warning -show_entries stream=codec_name -of csv=p=0 $codec.flv 2> log) && code=0 || code=$?
  new=$("$newer" -nostdin -hide_banner -i $codec.flv -c copy -f null - 2>&1 | sed -n 's/.*Stream #0:0.*Video: \([a-z0-9]*\).*/\1/p' | head -n 1)
  seen+="$codec: 7.0.2 $new, 5.1.9 $old (exit $code); "
done
wanted="hevc: 7.0.2 hevc, 5.1.9 vp6f (exit 0); av1: 7.0.2 av1, 5.1.9 vp6f (exit 0); "
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
