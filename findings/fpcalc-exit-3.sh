#!/usr/bin/env bash
# libchromaprint-tools 1.5.1-2+b1, libchromaprint1 1.5.1-2+b1 and ffmpeg 7:5.1.9-0+deb12u1 (Debian 12); pyacoustid 1.3.1 (PyPI).
# Run: `fpcalc` on a sound WAV file of 10 s; the same with -length 5; pyacoustid's fingerprint_file, which calls fpcalc.
# Seen: the fingerprint is printed whole, but with "ERROR: Error decoding audio frame (End of file)" and exit code 3. With -length 5 the exit code is 0.
#   pyacoustid throws the good fingerprint away: FingerprintGenerationError, "fpcalc exited with status 3".
# Surprising: it is the end of the file that is taken for an error: what is shorter than -length (120 s if not given) fails, what is
#   cut off there does not. Tests with short clips fail and long programmes pass.
# What to do: judge fpcalc by its FINGERPRINT line, or pass a -length below the file's duration.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download libchromaprint-tools=1.5.1-2+b1 libchromaprint1=1.5.1-2+b1
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$PWD/$(dirname "$(find root -name 'libchromaprint.so.1' | head -n 1)")
export LD_LIBRARY_PATH PATH="$PWD/root/usr/bin:$PATH"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check pyacoustid==1.3.1
ffmpeg -nostdin -v error -f lavfi -i anoisesrc=d=10:seed=1:r=11025 in.wav
fpcalc in.wav > whole 2> error && whole=0 || whole=$?
fpcalc -length 5 in.wav > part && part=0 || part=$?
python=$(FPCALC=fpcalc venv/bin/python - <<'PY'
import acoustid
try:
    print("pyacoustid:", acoustid.fingerprint_file("in.wav", force_fpcalc=True)[0])
except acoustid.FingerprintGenerationError as error:
    print("pyacoustid: FingerprintGenerationError:", error)
PY
)
seen="exit $whole, $(grep -c ^FINGERPRINT= whole) fingerprint, $(cat error); -length 5: exit $part; $python"
wanted="exit 3, 1 fingerprint, ERROR: Error decoding audio frame (End of file); -length 5: exit 0; pyacoustid: FingerprintGenerationError: fpcalc exited with status 3"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected: %s\nSeen: %s\n' "$wanted" "$seen" >&2; exit 1; }
echo "As described: $seen"
