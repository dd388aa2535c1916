#!/usr/bin/env bash
# pysubs2 1.8.1, webvtt-py 0.6.0 (PyPI); ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: a valid WebVTT file with a NOTE block ("NOTE internal: check this name") between two cues, converted to SubRip.
# Seen: pysubs2 makes the NOTE further lines of the caption before it, on screen for every viewer. ffmpeg and webvtt-py leave it out.
# Surprising: NOTE is WebVTT's comment, made to be invisible; reviewers' remarks are what it is used for. A NOTE before the first cue is left out by
#   pysubs2 as well, so a header comment does not show the difference.
# What to do: strip NOTE blocks before pysubs2 reads the file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check pysubs2==1.8.1 webvtt-py==0.6.0
printf 'WEBVTT\n\nNOTE made by hand\n\n00:01.000 --> 00:02.500\nhello\n\nNOTE internal: check this name\n\n00:02.500 --> 00:04.000\nnext\n' > in.vtt
ffmpeg -nostdin -v error -i in.vtt out.srt
seen="ffmpeg: $(grep -c NOTE out.srt || true)
$(venv/bin/python - <<'PY'
import pysubs2, webvtt
print("pysubs2:", [event.text for event in pysubs2.load("in.vtt")])
print("webvtt-py:", [caption.text for caption in webvtt.read("in.vtt")])
PY
)"
wanted="ffmpeg: 0
pysubs2: ['hello\\\\N\\\\NNOTE internal: check this name', 'next']
webvtt-py: ['hello', 'next']"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
