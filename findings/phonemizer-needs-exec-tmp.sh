#!/usr/bin/env bash
# phonemizer 3.4.0, espeakng-loader 0.2.4 (PyPI); Linux with unshare(1) and mount(8), as root.
# Run: EspeakBackend("es") with TMPDIR on a tmpfs that is mounted noexec, as `docker run --tmpfs /tmp` mounts it; then on one that is mounted exec.
# Seen: noexec: an error; exec: phonemes.
# Surprising: the library is copied into the temporary folder before it is loaded, so that each backend has its own, and what may not be executed cannot be loaded.
#   The program itself writes nothing there and has no reason to fail; the error names a file that is gone by then. Kokoro's Python packages speak through it.
# What to do: --tmpfs /tmp:exec (compose: tmpfs: ["/tmp:exec"]), or TMPDIR on a volume.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(id -u)" = 0 ] || { echo "needs root to mount" >&2; exit 2; }
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check phonemizer==3.4.0 espeakng-loader==0.2.4
cat > speak.py <<'PY'
import espeakng_loader
from phonemizer.backend import EspeakBackend
from phonemizer.backend.espeak.wrapper import EspeakWrapper
EspeakWrapper.set_library(espeakng_loader.get_library_path())
EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
try:
    print("phonemes" if EspeakBackend("es").phonemize(["hola"])[0].strip() else "nothing")
except Exception as error:
    print("an error")
PY
mkdir tmp
seen=
for option in noexec exec; do
  seen+="$option: $(unshare -m sh -c 'mount -t tmpfs -o '$option' tmpfs tmp && TMPDIR=$PWD/tmp venv/bin/python speak.py'); "
done
wanted="noexec: an error; exec: phonemes; "
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
