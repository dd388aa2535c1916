#!/usr/bin/env bash
# libchromaprint-tools 1.5.1-2+b1, libchromaprint1 1.5.1-2+b1 and ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: fpcalc on 10 s of loud noise whose right channel is the left one with its sign turned, and on 10 s of digital silence.
# Seen: both have the same fingerprint, character for character. The noise in both channels alike has another.
# Surprising: nothing warns that what was heard was nothing. Chromaprint averages the channels before it listens; a cable with one side inverted, or a
#   "wide" mix, leaves silence, and every such recording matches every other one and silence.
# What to do: fingerprint each channel on its own (ffmpeg's pan filter) or compare the level of the average with the level of the channels first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download libchromaprint-tools=1.5.1-2+b1 libchromaprint1=1.5.1-2+b1
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$PWD/$(dirname "$(find root -name 'libchromaprint.so.1' | head -n 1)")
export LD_LIBRARY_PATH
noise=anoisesrc=d=10:seed=1:r=11025
ffmpeg -nostdin -v error -f lavfi -i $noise -af 'pan=stereo|c0=c0|c1=-1*c0' opposite.wav
ffmpeg -nostdin -v error -f lavfi -i $noise -af 'pan=stereo|c0=c0|c1=c0' alike.wav
ffmpeg -nostdin -v error -f lavfi -i anullsrc=r=11025:cl=stereo -t 10 silence.wav
# -length 9 keeps clear of the exit code 3 at the end of a file (fpcalc-exit-3.sh).
print() { root/usr/bin/fpcalc -length 9 -raw "$1" | sed -n 's/^FINGERPRINT=//p'; }
opposite=$(print opposite.wav) alike=$(print alike.wav) silence=$(print silence.wav)
if [ -z "$opposite" ] || [ "$opposite" != "$silence" ] || [ "$alike" = "$silence" ]; then
  printf 'CHANGED. Expected noise with opposite channels to look like silence. Seen:\nopposite %.80s\nsilence  %.80s\nalike    %.80s\n' "$opposite" "$silence" "$alike" >&2
  exit 1
fi
printf 'As described:\nopposite %.60s\nsilence  %.60s\nalike    %.60s\n' "$opposite" "$silence" "$alike"
