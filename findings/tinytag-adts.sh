#!/usr/bin/env bash
# tinytag 2.3.2, mutagen 1.48.1 (PyPI); AAC by ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: 10 s of AAC-LC in ADTS (.aac, what an HLS audio rendition or an Icecast mount holds) opened with TinyTag.get.
# Seen: no error; a duration of less than one second, in an object of class _MPEG. mutagen says 10.0 s, which is right.
# Surprising: ADTS is not among tinytag's formats, so UnsupportedFormatError would be right (it has one). ADTS and MPEG audio share their sync word's first
#   bits, the file is taken for MP3, and frames are counted that are none.
# What to do: look at the class of the result (_MPEG for a .aac) or keep .aac away from it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check tinytag==2.3.2 mutagen==1.48.1
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=10 -c:a aac in.aac
seen=$(venv/bin/python - <<'PY'
import mutagen, tinytag
try:
    tag = tinytag.TinyTag.get("in.aac")
    short = tag.duration is not None and tag.duration < 1
    print(f"{type(tag).__name__}, duration {'under 1 s' if short else tag.duration}; mutagen {mutagen.File('in.aac').info.length:.1f} s")
except tinytag.TinyTagException as error:
    print(f"{type(error).__name__}")
PY
)
wanted="_MPEG, duration under 1 s; mutagen 10.0 s"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
