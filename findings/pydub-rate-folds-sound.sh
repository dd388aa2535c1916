#!/usr/bin/env bash
# pydub 0.25.1, numpy 2.4.6 (PyPI), Python 3.11's audioop; ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: a tone of 7 kHz at 16 kHz, brought to 8 kHz by AudioSegment.set_frame_rate, and by ffmpeg; what is left of it.
# Seen: pydub gives a tone of 1 kHz, as loud as before (-7.3 dBFS); ffmpeg gives silence (below -60 dBFS).
# Surprising: the only way to change a rate in pydub does not filter (audioop.ratecv interpolates between samples), so all that the new rate cannot hold is
#   folded down onto what it can: hiss becomes whistling in the middle of speech. Nothing says so, and speech at 8 or 16 kHz is what recognisers ask for.
# What to do: let ffmpeg do it (AudioSegment.from_file(path, parameters=["-ar", "8000"])), or low_pass_filter before it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check pydub==0.25.1 numpy==2.4.6
seen=$(venv/bin/python -W ignore - <<'PY'
import subprocess
import numpy
from pydub import AudioSegment

tone = (20000 * numpy.sin(2 * numpy.pi * 7000 * numpy.arange(16000) / 16000)).astype("<i2").tobytes()
low = AudioSegment(tone, sample_width=2, frame_rate=16000, channels=1).set_frame_rate(8000)
samples = numpy.frombuffer(low.raw_data, "<i2").astype(float)
spectrum = abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
print(f"pydub: {low.dBFS:.1f} dBFS at {spectrum.argmax() * 8000 / len(samples):.0f} Hz")
command = "ffmpeg -v error -f s16le -ar 16000 -ac 1 -i - -ar 8000 -f s16le -".split()
samples = numpy.frombuffer(subprocess.run(command, input=tone, capture_output=True, check=True).stdout, "<i2").astype(float)
level = 20 * numpy.log10(numpy.sqrt((samples[800:-800] ** 2).mean()) / 32768 + 1e-9)
print(f"ffmpeg: {'below -60' if level < -60 else f'{level:.1f}'} dBFS")
PY
)
wanted="pydub: -7.3 dBFS at 1000 Hz
ffmpeg: below -60 dBFS"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
