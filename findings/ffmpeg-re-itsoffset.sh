#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2): the same in both.
# Run: -re -itsoffset 2 -i clip -c copy -f null, with the first 3 s of the output's timeline (-t 3), timed by the wall clock.
# Seen: about 1 s (5.1.9) or 0.5 s (7.0.2, whose pacing starts with a burst) until the packets stamped 2.0 to 3.0 s are out; without
#   -itsoffset the 3 s take 3.0 s (2.5 s).
# Surprising: -re "reads input at native frame rate" and -itsoffset shifts its timestamps by 2 s, so a live server ought to get the first packet
#   after 2 s. -re counts from the first timestamp of each stream, shift included: the offset delays nothing, and a second input that is to join
#   later is sent at once, ahead of its time stamps.
# What to do: to delay a track in real time, give it something to send meanwhile (adelay, tpad, a concat with silence) or start it later.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x120:r=25:d=6 -c:v libx264 -preset ultrafast -pix_fmt yuv420p in.mp4

# The last packet's time stamp and the time that it took, in ms: ffmpeg, options of the input.
paced() {
  local began; began=$(date +%s%3N)
  last=$("${1}" -nostdin -v error -re ${2:-} -i in.mp4 -map 0:v -c copy -t 3 -f framecrc - | tail -n 1 | cut -d, -f3 | tr -d ' ')
  took=$(($(date +%s%3N) - began))
}
for program in ffmpeg "$newer"; do
  paced "$program" ""; plain=$took; plain_last=$last
  paced "$program" "-itsoffset 2"; shifted=$took
  line="$(basename "$program"): plain $plain ms, shifted by 2 s $shifted ms, last time stamps $plain_last and $last (37888/12800 s = 2.96 s)"
  # On time the shifted run would take as long as the plain one; on a busy machine both get longer together.
  if [ "$last" != 37888 ] || [ "$plain_last" != 37888 ] || [ "$plain" -lt 2400 ] || [ $((plain - shifted)) -lt 1200 ]; then
    echo "CHANGED. Expected the shifted run to end about 2 s before the plain one. Seen: $line" >&2
    exit 1
  fi
  echo "As described: $line"
done
