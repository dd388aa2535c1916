#!/usr/bin/env bash
# soundfile 0.14.0 with its libsndfile 1.2.2, mutagen 1.48.1, tinytag 2.3.2, miniaudio 1.71 (PyPI); ffmpeg 7:5.1.9-0+deb12u1, flac 1.4.2 (Debian 12).
# Run: 3 s of FLAC that ffmpeg writes to a pipe, and the same written to a file; how long is it?
# Seen: soundfile says 192,153,584,101,141 s (six million years) and cannot read it ("array is too big"); mutagen and tinytag say 0 s. miniaudio decodes 3 s,
#   flac tests 144,000 samples. Of the file that was not piped all say 3 s.
# Surprising: into a pipe nobody can go back to write the number of samples, and 0 is valid there: "unknown" (RFC 9639, section 8.2). libsndfile
#   hands its own mark for that on as a length, 2^63 - 1 frames.
# What to do: write FLAC to a file, or decode with ffmpeg; read blocks with soundfile (blocks() of a number of frames), never the whole.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download flac=1.4.2+ds-2
dpkg -x flac_*.deb root
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check soundfile==0.14.0 mutagen==1.48.1 tinytag==2.3.2 miniaudio==1.71 numpy==2.4.6
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=3:r=48000 file.flac
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=3:r=48000 -f flac - >pipe.flac
seen=$(for name in file pipe; do
  root/usr/bin/flac --silent --test $name.flac 2>/dev/null && echo "$name: flac finds no fault"
  venv/bin/python - $name.flac <<'PY'
import sys
import miniaudio, mutagen, soundfile, tinytag
name = sys.argv[1]
try:
    read = f"{len(soundfile.read(name)[0]) / 48000:.0f} s read"
except ValueError as error:
    read = str(error).split(";")[0]
decoded = miniaudio.decode_file(name, sample_rate=48000, nchannels=1).num_frames / 48000
print(f"  soundfile {soundfile.info(name).duration:.0f} s, {read}; mutagen {mutagen.File(name).info.length:.0f} s, "
      f"tinytag {tinytag.TinyTag.get(name).duration:.0f} s, miniaudio decodes {decoded:.0f} s")
PY
done)
wanted="file: flac finds no fault
  soundfile 3 s, 3 s read; mutagen 3 s, tinytag 3 s, miniaudio decodes 3 s
pipe: flac finds no fault
  soundfile 192153584101141 s, array is too big; mutagen 0 s, tinytag 0 s, miniaudio decodes 3 s"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
