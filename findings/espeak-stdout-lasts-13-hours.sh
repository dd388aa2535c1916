#!/usr/bin/env bash
# espeak-ng 1.51+dfsg-10+deb12u2 (Debian 12); Python 3.11's wave, mutagen 1.48.1, tinytag 2.3.2, soundfile 0.14.0 (PyPI).
# Run: `espeak-ng -v es --stdout "uno dos tres" > words.wav`, and the same with `-w words.wav`; how long each reader says that it lasts.
# Seen: by --stdout 13.5 hours for wave, mutagen and tinytag, without an error; soundfile says 1.1 s, which is right. By -w all say 1.1 s.
# Surprising: a pipe cannot be gone back in, so the header of --stdout promises 2,147,479,552 bytes; it keeps them in a file, too, where the size is known.
#   wave then counts frames that are not there (getnframes) and reads those that are; who schedules a dub by its duration waits until tomorrow.
# What to do: -w where a file is wanted; of --stdout count the bytes after the header, never believe it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download espeak-ng=1.51+dfsg-10+deb12u2 libespeak-ng1=1.51+dfsg-10+deb12u2 \
  espeak-ng-data=1.51+dfsg-10+deb12u2 libpcaudio0=1.2-2 libsonic0=0.2.0-12
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$PWD/root/usr/lib/x86_64-linux-gnu
speak() { LD_LIBRARY_PATH=$libraries ESPEAK_DATA_PATH=$libraries root/usr/bin/espeak-ng -v es "$@" "uno dos tres"; }
speak --stdout > stdout.wav
speak -w file.wav
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check mutagen==1.48.1 tinytag==2.3.2 soundfile==0.14.0 numpy==2.4.6
seen=$(venv/bin/python - <<'PY'
import wave
import mutagen, soundfile, tinytag

def said(seconds):
    return f"{seconds / 3600:.1f} h" if seconds > 3600 else f"{seconds:.1f} s"

for name in ("stdout", "file"):
    path = name + ".wav"
    with wave.open(path) as file:
        promised, there = file.getnframes(), len(file.readframes(file.getnframes())) / 2
        rate = file.getframerate()
    print(f"{name}: wave {said(promised / rate)}, and reads {said(there / rate)};", f"mutagen {said(mutagen.File(path).info.length)},",
          f"tinytag {said(tinytag.TinyTag.get(path).duration)}, soundfile {said(soundfile.info(path).duration)}")
PY
)
wanted="stdout: wave 13.5 h, and reads 1.1 s; mutagen 13.5 h, tinytag 13.5 h, soundfile 1.1 s
file: wave 1.1 s, and reads 1.1 s; mutagen 1.1 s, tinytag 1.1 s, soundfile 1.1 s"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
