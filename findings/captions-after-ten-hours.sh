#!/usr/bin/env bash
# pysubs2 1.8.1, pycaption 2.3.14, srt 3.5.3 (PyPI); ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: one caption at 10:00:01 and one at 100:00:01 (a stream that has been live for four days), SubRip to WebVTT and to ASS.
# Seen: ffmpeg to WebVTT and the srt package keep both. ffmpeg to ASS: both from 9:59:59.99 to 9:59:59.99, so they are never shown. pysubs2: 100:00:01 is
#   read as 00:00:01. pycaption: 04:00:01, hours modulo 24. Nothing is logged by any of them.
# Surprising: one valid file, four readers, three ways to lose the time; each looks well-formed, and the first hours of every test are right.
# What to do: rebase captions to the start of the programme before they go through any of these; compare the last cue's time with the input's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check pysubs2==1.8.1 pycaption==2.3.14 srt==3.5.3
printf '1\n10:00:01,000 --> 10:00:02,500\nten\n\n2\n100:00:01,000 --> 100:00:02,500\nhundred\n\n' > in.srt
ffmpeg -nostdin -v warning -i in.srt out.vtt 2> log
ffmpeg -nostdin -v warning -i in.srt out.ass 2>> log
seen="ffmpeg vtt: $(grep -e '-->' out.vtt | cut -d. -f1 | tr '\n' ' ')
ffmpeg ass: $(grep ^Dialogue out.ass | cut -d, -f2,3 | tr '\n' ' ')
$(venv/bin/python -W ignore - <<'PY'
import pycaption, pysubs2, re, srt
text = open("in.srt").read()
starts = lambda vtt: " ".join(re.findall(r"^(\S+)\.\d+ -->", vtt, re.MULTILINE))
print("srt:", *(str(int(item.start.total_seconds())) for item in srt.parse(text)))
print("pysubs2 vtt:", starts(pysubs2.SSAFile.from_string(text).to_string("vtt")))
print("pycaption vtt:", starts(pycaption.WebVTTWriter().write(pycaption.SRTReader().read(text))))
PY
)
logged: $(wc -c < log) bytes"
wanted="ffmpeg vtt: 10:00:01 100:00:01 
ffmpeg ass: 9:59:59.99,9:59:59.99 9:59:59.99,9:59:59.99 
srt: 36001 360001
pysubs2 vtt: 00:00:01 10:00:01
pycaption vtt: 10:00:01 04:00:01
logged: 0 bytes"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
