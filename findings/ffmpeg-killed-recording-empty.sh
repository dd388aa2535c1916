#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2): the same in both.
# Run: a live recording (-re, 100 kb/s picture and sound) to FLV, killed (SIGKILL, as by the OOM killer or a lost machine) after 4 s.
# Seen: the file has 0 bytes. With -flush_packets 1 it has what was recorded.
# Surprising: FLV is the format to choose because a cut file can be played. Nothing, not even the header, is on disk until a buffer of 256 KiB
#   is full, which takes 21 s at 100 kb/s; then it grows in steps of that size.
# What to do: -flush_packets 1 for every recording that somebody may have to read after an accident.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
record() {
  "$1" -nostdin -v error -re -f lavfi -i testsrc2=s=160x120:r=25:d=20 -f lavfi -i sine=r=48000:d=20 -c:v libx264 -preset ultrafast -b:v 100k -pix_fmt yuv420p \
    -c:a aac -flush_packets "$2" "$3.flv" &
  local recorder=$!
  sleep 4
  kill -9 $recorder
  wait $recorder 2> /dev/null || true
  stat -c %s "$3.flv"
}
for program in ffmpeg "$newer"; do
  name=$(basename "$program")
  # -1 is the default.
  buffered=$(record "$program" -1 "$name-default") flushed=$(record "$program" 1 "$name-flushed")
  pictures=$(ffprobe -v error -count_packets -select_streams v -show_entries stream=nb_read_packets -of csv=p=0 "$name-flushed.flv" 2> /dev/null) || true
  line="$name: $buffered bytes, with -flush_packets 1 $flushed bytes with ${pictures:-no} pictures"
  if [ "$buffered" != 0 ] || [ "$flushed" -lt 10000 ] || [ "${pictures:-0}" -lt 20 ]; then
    echo "CHANGED. Expected an empty file, and a playable one with -flush_packets 1. Seen: $line" >&2
    exit 1
  fi
  echo "As described: $line"
done
