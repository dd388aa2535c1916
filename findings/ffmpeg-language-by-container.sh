#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12); PyAV 18.1.0 (PyPI).
# Run: a programme with Spanish in stereo as its first track and English in 5.1 as its second, in MP4; copied (-c copy, all tracks) to Matroska and MPEG-TS;
#   `ffmpeg -i FILE out.wav` of each, and PyAV's streams.audio[0] and streams.best("audio").
# Seen: of MP4 and Matroska ffmpeg takes the Spanish; of MPEG-TS, with the same packets, the English. PyAV's first is Spanish in all three, its
#   best is what ffmpeg takes.
# Surprising: ffmpeg takes the track with most channels, unless one is marked as default, and MPEG-TS has no such mark: the language of what is transcribed, dubbed
#   or compared changes with the container that a recording happens to have.
# What to do: always name the track (-map 0:a:0, or -map 0:a:m:language:spa).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check av==18.1.0
ffmpeg -nostdin -v error -f lavfi -i sine=440:r=48000:d=1 -f lavfi -i sine=880:r=48000:d=1 -map 0:a -map 1:a -c:a aac -ac:a:0 2 -ac:a:1 6 \
  -metadata:s:a:0 language=spa -metadata:s:a:1 language=eng programme.mp4
for kind in mkv ts; do ffmpeg -nostdin -v error -i programme.mp4 -map 0 -c copy programme.$kind; done
channels() { ffprobe -v error -show_entries stream=channels -of csv=p=0 "$1"; }
seen=
for kind in mp4 mkv ts; do
  ffmpeg -nostdin -v error -y -i programme.$kind out.wav
  seen+="$kind: $([ "$(channels out.wav)" = 6 ] && echo English || echo Spanish); "
done
seen+=$'\n'$(venv/bin/python - <<'PY'
import av
names = {2: "Spanish", 6: "English"}
for kind in ("mp4", "mkv", "ts"):
    with av.open(f"programme.{kind}") as file:
        print(f"PyAV {kind}: first {names[file.streams.audio[0].channels]}, best {names[file.streams.best('audio').channels]}; ", end="")
PY
)
wanted="mp4: Spanish; mkv: Spanish; ts: English; 
PyAV mp4: first Spanish, best Spanish; PyAV mkv: first Spanish, best Spanish; PyAV ts: first Spanish, best English; "
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
