#!/usr/bin/env bash
# soxr 1.1.0, samplerate 0.2.4, resampy 0.4.3, librosa 0.11.0 (PyPI).
# Run: the same samples from 48 to 44.1 kHz with each, and from 44.1 to 16 kHz, at the default or best quality.
# Seen: of 918.75 samples soxr makes 919, samplerate and resampy 918, librosa 919; of 362.81 (44.1 to 16 kHz) 363, 362, 362, 363; of 16,000.36
#   samples 16,000, 16,000, 16,000 and librosa 16,001.
# Surprising: rounded, cut off and rounded up: soxr and librosa differ although librosa's default resampler *is* soxr (it pads to the rounded-up length
#   with zeros). Blocks that are resampled one by one and joined drift apart by up to a sample a block, each library in its own direction.
# What to do: compute the length wanted, and cut or pad each library's output to it; never resample a stream in independent blocks.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check soxr==1.1.0 samplerate==0.2.4 resampy==0.4.3 librosa==0.11.0 numpy==2.4.6 numba==0.68.1 scipy==1.17.1
seen=$(venv/bin/python -W ignore - <<'PY'
import librosa, numpy, resampy, samplerate, soxr
for count, source, target in ((1000, 48000, 44100), (1000, 44100, 16000), (44101, 44100, 16000)):
    x = numpy.random.RandomState(0).randn(count).astype("f4")
    print(f"{count * target / source:.2f}: soxr {len(soxr.resample(x, source, target))}, samplerate {len(samplerate.resample(x, target / source, 'sinc_best'))},",
          f"resampy {len(resampy.resample(x, source, target))}, librosa {len(librosa.resample(x, orig_sr=source, target_sr=target))}")
PY
)
wanted="918.75: soxr 919, samplerate 918, resampy 918, librosa 919
362.81: soxr 363, samplerate 362, resampy 362, librosa 363
16000.36: soxr 16000, samplerate 16000, resampy 16000, librosa 16001"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
