#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2).
# Run: a clip with picture and sound, -map 0 -c copy -frames:v 1 -frames:a 50 to Matroska.
# Seen: one picture and 1 AAC frame (5.1.9) or 2 (7.0.2), exit 0, nothing logged. Asked for: one picture and 50 frames.
# Surprising: -frames[:stream] is documented as per stream ("stop writing to the stream after framecount frames"). The first track that has
#   its count ends the whole output, however many the others were to have.
# What to do: cut each track in a run of its own, or use one duration (-t) for all, or drop packets with the noise filter.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x120:r=25:d=6 -f lavfi -i sine=r=48000:d=6 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac in.mp4
for program in ffmpeg "$newer"; do
  "$program" -nostdin -v error -y -i in.mp4 -map 0 -frames:v 1 -frames:a 50 -c copy out.mkv 2> log && code=0 || code=$?
  count() { ffprobe -v error -count_packets -select_streams "$1" -show_entries stream=nb_read_packets -of csv=p=0 out.mkv; }
  video=$(count v) audio=$(count a)
  line="exit $code, $video picture(s), $audio AAC frame(s), $(wc -c < log) bytes logged"
  if [ "$code" != 0 ] || [ "$video" != 1 ] || ! [ "$audio" -le 5 ]; then
    echo "CHANGED ($(basename "$program")). Expected one picture and far fewer than 50 AAC frames. Seen: $line" >&2
    exit 1
  fi
  echo "As described ($(basename "$program")): $line"
done
