#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2).
# Run: 2 s of AAC in MP4, copied (-c copy) to MOV, FLV, Matroska and NUT, and from there back to MP4; samples that each decodes to.
# Seen: MP4 and MOV 96,256 samples; FLV, Matroska and NUT 97,280; and the MP4 that was copied back from these 97,280 too.
# Surprising: copies change no packet, and Matroska has a field for just this (CodecDelay). The encoder's 1,024 samples of
#   pre-roll become sound, 21 ms of it, and no later container can tell. Comparing a recording with its source sample by sample is off by one AAC frame.
# What to do: align before comparing, or decode in the first container (MP4) and never count samples of a copy.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
ffmpeg -nostdin -v error -f lavfi -i sine=r=48000:d=2 -c:a aac in.mp4
samples() { echo $(($(ffmpeg -nostdin -v error -i "$1" -f s16le - | wc -c) / 2)); }
seen="mp4 $(samples in.mp4)"
for program in ffmpeg "$newer"; do
  for kind in mov flv mkv nut; do
    "$program" -nostdin -v error -y -i in.mp4 -c copy "copy.$kind"
    "$program" -nostdin -v error -y -i "copy.$kind" -c copy back.mp4
    seen+=$'\n'"$([ "$program" = ffmpeg ] && echo 5.1.9 || echo 7.0.2) $kind $(samples "copy.$kind"), back in mp4 $(samples back.mp4)"
  done
done
wanted="mp4 96256"
for version in 5.1.9 7.0.2; do
  wanted+=$'\n'"$version mov 96256, back in mp4 96256"
  for kind in flv mkv nut; do wanted+=$'\n'"$version $kind 97280, back in mp4 97280"; done
done
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
