#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2): the same in both.
# Run: ten fragments of exactly 1.000 s, each encoded to AAC in MP4, joined with the concat demuxer and -c copy; what the file says, and what it decodes to.
# Seen: the file says 10.02 s, and decodes to 10.24 s of sound: 24 ms more at each joint.
# Surprising: every fragment begins with an encoder's 21 ms of pre-roll and ends with a padded frame. Alone, MP4's edit list hides the former; joined, nothing
#   does. Time stamps step back at each joint so that the whole has the right length on paper; a player that plays samples one after the other is late by a
#   little more with every fragment, a quarter of a second after ten. A dub that is made fragment by fragment and joined drifts from its picture so.
# What to do: join samples and encode once (-c:a pcm_s16le for the fragments); or -af aresample=async=1 when decoding.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
for program in ffmpeg "$newer"; do
  for number in 0 1 2 3 4 5 6 7 8 9; do
    "$program" -nostdin -v error -y -f lavfi -i sine=440:r=48000:d=1 -c:a aac "$number.m4a"
    echo "file $number.m4a"
  done > list
  "$program" -nostdin -v error -y -f concat -i list -c copy joined.m4a
  says=$(ffprobe -v error -show_entries stream=duration -of csv=p=0 joined.m4a)
  bytes=$("$program" -nostdin -v error -i joined.m4a -f s16le - | wc -c)
  seen=$(awk -v says="$says" -v bytes="$bytes" 'BEGIN { printf "says %.2f s, decodes to %.2f s", says, bytes / 96000 }')
  wanted="says 10.02 s, decodes to 10.24 s"
  [ "$seen" = "$wanted" ] || { printf 'CHANGED (%s). Expected: %s\nSeen: %s\n' "$(basename "$program")" "$wanted" "$seen" >&2; exit 1; }
  echo "As described ($(basename "$program")): $seen"
done
