#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2): the same in both.
# Run: an input with sound only, -map '0:v:0?' ("the first picture track, if there is one") to a Matroska file.
# Seen: exit 0, and the file holds an audio track that nobody mapped.
# Surprising: any -map is said to switch automatic selection off. When every optional map matches nothing, there is no map left, automatic selection
#   is back, and what -map was to keep out is written: "pictures only, if any" becomes "sound".
# What to do: add -an (or -vn, -sn, -dn) for each kind that must never be written; then ffmpeg fails with "does not contain any stream".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
ffmpeg -nostdin -v error -f lavfi -i sine=d=1 -c:a aac in.m4a
for program in ffmpeg "$newer"; do
  "$program" -nostdin -v error -y -i in.m4a -map '0:v:0?' -c copy out.mkv && code=0 || code=$?
  kinds=$(ffprobe -v error -show_entries stream=codec_type -of csv=p=0 out.mkv 2>&1 | tr '\n' ' ')
  "$program" -nostdin -v error -y -i in.m4a -map '0:v:0?' -an -c copy none.mkv 2> refusal && refused=0 || refused=$?
  seen="exit $code with: $kinds; with -an: $([ "$refused" -ne 0 ] && grep -o 'does not contain any stream' refusal | head -n 1)"
  wanted="exit 0 with: audio ; with -an: does not contain any stream"
  [ "$seen" = "$wanted" ] || { printf 'CHANGED (%s). Expected: %s\nSeen: %s\n' "$(basename "$program")" "$wanted" "$seen" >&2; exit 1; }
  echo "As described ($(basename "$program")): $seen"
done
