#!/usr/bin/env bash
# soundfile 0.14.0 with libsndfile 1.2.2, librosa 0.11.0, mutagen 1.48.1 (PyPI); MP3 by ffmpeg 7:5.1.9-0+deb12u1 with LAME (Debian 12).
# Run: a valid variable-bitrate MP3 of 10 s without a Xing header (-write_xing 0, as streams are cut), 2 s of tone and then noise; soundfile.read of it.
# Seen: 3.4 s of samples, no error and no warning; librosa.load gives the same. ffmpeg decodes 10.03 s.
# Surprising: that a *duration* is guessed from the first frame's bitrate is well known (mutagen says 3.4 s, too). Here the guess becomes the end of the
#   file: reading stops there, in blocks as well, and two thirds of the sound are never seen.
# What to do: decode MP3 with ffmpeg; or compare the number of samples with `ffprobe -count_packets` × 1152.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check soundfile==0.14.0 librosa==0.11.0 mutagen==1.48.1 numpy==2.4.6 numba==0.68.1 scipy==1.17.1
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=2 -f lavfi -i anoisesrc=d=8:a=0.5:seed=1 -filter_complex '[0][1]concat=n=2:v=0:a=1' \
  -c:a libmp3lame -q:a 4 -write_xing 0 in.mp3
decoded=$(ffmpeg -nostdin -v error -i in.mp3 -ac 1 -f s16le - | wc -c)
seen=$(venv/bin/python -W error::UserWarning - <<'PY'
import librosa, mutagen, soundfile
samples, rate = soundfile.read("in.mp3")
blocks = sum(len(block) for block in soundfile.blocks("in.mp3", blocksize=4096))
loaded, _ = librosa.load("in.mp3", sr=None)
print(f"libsndfile {soundfile.__libsndfile_version__}: read {len(samples) / rate:.1f} s, blocks {blocks / rate:.1f} s,",
      f"librosa {len(loaded) / rate:.1f} s, mutagen {mutagen.File('in.mp3').info.length:.1f} s")
PY
)
seen+="; ffmpeg $((decoded / 2 / 4410)) tenths of a second"
wanted="libsndfile 1.2.2: read 3.4 s, blocks 3.4 s, librosa 3.4 s, mutagen 3.4 s; ffmpeg 100 tenths of a second"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
