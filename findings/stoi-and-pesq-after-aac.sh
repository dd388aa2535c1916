#!/usr/bin/env bash
# pystoi 0.4.1, pesq 0.0.4, numpy 1.26.4 (PyPI); AAC by ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: 6 s of noise in the rhythm of speech, through AAC at 192 kb/s in ADTS (as HLS carries it) and back; both measures against the original.
# Seen: PESQ about 3.8 (of 4.64), good; STOI below 0.3, "unintelligible". With the first 1,024 decoded samples taken away 4.5 and 1.00.
# Surprising: ADTS has nowhere to say that its first 1,024 samples are pre-roll, so sound comes back 64 ms late at 16 kHz. PESQ aligns in time and hardly
#   shows a delay, even one that would ruin lip-sync; STOI does not align, and a delay that nobody hears looks like ruin. pystoi's and pesq's calls look alike.
# What to do: align before STOI; measure the delay on its own beside PESQ.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check pystoi==0.4.1 pesq==0.0.4 numpy==1.26.4 scipy==1.11.4
cat > measure.py <<'PY'
import subprocess, wave
import numpy, pesq, pystoi

generator = numpy.random.RandomState(3)
loudness = numpy.repeat(generator.rand(60) ** 2 + 0.01, 1600)
sound = numpy.convolve(generator.randn(16000 * 6), numpy.ones(4) / 4, "same") * loudness * 0.3
with wave.open("in.wav", "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes((sound * 32767).clip(-32768, 32767).astype("<i2").tobytes())
subprocess.run("ffmpeg -nostdin -v error -i in.wav -c:a aac -b:a 192k in.aac".split(), check=True)
raw = subprocess.run("ffmpeg -nostdin -v error -i in.aac -f s16le -".split(), check=True, stdout=subprocess.PIPE).stdout
decoded = numpy.frombuffer(raw, "<i2") / 32767
n = 16000 * 5
late, aligned = decoded[:n], decoded[1024:1024 + n]
qualities = pesq.pesq(16000, sound[:n], late, "wb"), pesq.pesq(16000, sound[:n], aligned, "wb")
values = pystoi.stoi(sound[:n], late, 16000), pystoi.stoi(sound[:n], aligned, 16000)
described = min(qualities) > 3.5 and values[0] < 0.4 and values[1] > 0.95
print(f"{'As described' if described else 'CHANGED'}: PESQ {qualities[0]:.2f}, STOI {values[0]:.2f}; without pre-roll PESQ {qualities[1]:.2f}, STOI {values[1]:.2f}")
raise SystemExit(0 if described else 1)
PY
venv/bin/python -W ignore measure.py
