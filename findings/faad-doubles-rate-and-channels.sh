#!/usr/bin/env bash
# faad and libfaad2 2.10.1-1 (Debian 12), AAC by Debian's ffmpeg 7:5.1.9-0+deb12u1.
# Run: 2 s of a 16 kHz mono tone, plain AAC-LC in ADTS without SBR or PS, decoded by `faad -o out.wav in.aac`.
# Seen: a WAV of 32,000 Hz with 2 channels. ffmpeg decodes the same file to 16,000 Hz with 1 channel. At 44.1 kHz faad keeps the rate, and
#   still writes 2 channels.
# Surprising: nothing in the stream says SBR or parametric stereo. faad reckons with implicit signalling: up to 24 kHz it doubles the rate in case SBR
#   comes, and mono becomes stereo in case PS comes. Who reads the samples and believes the ADTS header is off by a factor of four.
# What to do: read rate and channels from the decoder's output, never from the stream's header.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download faad=2.10.1-1 libfaad2=2.10.1-1
for package in ./*.deb; do dpkg -x "$package" root; done
library=$(dirname "$(find root -name 'libfaad.so.2' | head -n 1)")
form() { ffprobe -v error -show_entries stream=sample_rate,channels -of csv=p=0 "$1"; }
seen=""
for rate in 16000 44100; do
  ffmpeg -nostdin -v error -f lavfi -i sine=440:r=$rate:d=2 -ac 1 -c:a aac -profile:a aac_low "$rate.aac"
  LD_LIBRARY_PATH="$library" root/usr/bin/faad -q -o "faad$rate.wav" "$rate.aac"
  ffmpeg -nostdin -v error -i "$rate.aac" "ffmpeg$rate.wav"
  seen+="faad $(form "faad$rate.wav"), ffmpeg $(form "ffmpeg$rate.wav"); "
done
wanted="faad 32000,2, ffmpeg 16000,1; faad 44100,2, ffmpeg 44100,1; "
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected: %s\nSeen: %s\n' "$wanted" "$seen" >&2; exit 1; }
echo "As described: $seen"
