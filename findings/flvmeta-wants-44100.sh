#!/usr/bin/env bash
# flvmeta 1.2.1-1+b1 and ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: FLV with 48 kHz mono AAC by ffmpeg, and the same with 44.1 kHz stereo; `flvmeta --check` on both.
# Seen: the first gets "warning W80062: audiosamplerate should be 44100, got 48000" and "stereo should be true". The second gets neither.
# Surprising: ffmpeg is right. FLV has no bits for 48 kHz: the tag's header of every AAC stream says 44.1 kHz stereo, by the format's own rule, and the truth
#   is in the AAC header. The checker compares the onMetaData with those fixed bits, so that only a file that lies would pass.
# What to do: ignore these two for AAC; take rate and channels from the AudioSpecificConfig, in a parser of one's own too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download flvmeta=1.2.1-1+b1
dpkg -x flvmeta_*.deb root
ffmpeg -nostdin -v error -f lavfi -i sine=r=48000:d=2 -ac 1 -c:a aac mono48.flv
ffmpeg -nostdin -v error -f lavfi -i sine=r=44100:d=2 -ac 2 -c:a aac stereo44.flv
seen=$(for file in mono48 stereo44; do echo "$file:"; root/usr/bin/flvmeta --check $file.flv | sed -n '/audiosamplerate\|stereo/s/.*warning /  /p'; done)
wanted="mono48:
  W80062: audiosamplerate should be 44100, got 48000
  W80062: stereo should be true
stereo44:"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
