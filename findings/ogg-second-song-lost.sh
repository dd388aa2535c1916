#!/usr/bin/env bash
# soundfile 0.14.0 with its libsndfile 1.2.2, mutagen 1.48.1, tinytag 2.3.2, miniaudio 1.71 (PyPI); ffmpeg and ffprobe 7:5.1.9-0+deb12u1, vorbis-tools 1.4.2 (Debian 12).
# Run: a chained Ogg Vorbis file (RFC 3533, section 4), as an internet radio's stream is after a change of song: 3 s, then 5 s.
# Seen: soundfile and miniaudio decode 3 s, mutagen and tinytag say 3 s: the first song is all there is. ffprobe says 5 s, the last one. ffmpeg and oggdec decode 8 s.
# Surprising: no error and no warning anywhere, and the two whose business it is to know disagree with the decoder beside them.
# What to do: decode with ffmpeg (which warns of time stamps that begin anew, and is right), and count samples; never trust a duration of Ogg from a live source.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download vorbis-tools=1.4.2-1+b1 libao4=1.2.2+20180113-1.1
for package in *.deb; do dpkg -x "$package" root; done
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check soundfile==0.14.0 mutagen==1.48.1 tinytag==2.3.2 miniaudio==1.71 numpy==2.4.6
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=3:r=48000 -c:a libvorbis first.ogg
ffmpeg -nostdin -v error -f lavfi -i sine=880:d=5:r=48000 -c:a libvorbis second.ogg
cat first.ogg second.ogg >radio.ogg
LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu root/usr/bin/oggdec -Q -o oggdec.wav radio.ogg
ffmpeg -nostdin -v quiet -i radio.ogg ffmpeg.wav
seen=$(venv/bin/python - <<'PY'
import subprocess
import miniaudio, mutagen, soundfile, tinytag
def seconds(frames): return f"{frames / 48000:.0f} s"
probed = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", "radio.ogg"], capture_output=True, text=True).stdout
print(f"soundfile {seconds(len(soundfile.read('radio.ogg')[0]))}, miniaudio {seconds(miniaudio.decode_file('radio.ogg', sample_rate=48000, nchannels=1).num_frames)}, "
      f"mutagen {mutagen.File('radio.ogg').info.length:.0f} s, tinytag {tinytag.TinyTag.get('radio.ogg').duration:.0f} s, ffprobe {float(probed):.0f} s, "
      f"oggdec {seconds(soundfile.info('oggdec.wav').frames)}, ffmpeg {seconds(soundfile.info('ffmpeg.wav').frames)}")
PY
)
wanted="soundfile 3 s, miniaudio 3 s, mutagen 3 s, tinytag 3 s, ffprobe 5 s, oggdec 8 s, ffmpeg 8 s"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected: %s\nSeen: %s\n' "$wanted" "$seen" >&2; exit 1; }
echo "As described: $seen"
