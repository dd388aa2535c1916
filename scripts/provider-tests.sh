#!/usr/bin/env bash
# Tests the STS providers that load models, with tiny random models and the real libraries, in a Python environment of their own.
#   scripts/provider-tests.sh                Whisper (faster-whisper: 0.5 GB)
#   PROVIDERS=all scripts/provider-tests.sh  also Coqui TTS (with torch: 6 GB)
# What is not run is said, and is not counted as passed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly all=compose/sts/requirements-hub.txt
requirements=$PWD/.build/providers-requirements.txt
venv=$PWD/.build/providers-venv
mkdir -p .build
if [ "${PROVIDERS:-}" = all ]; then
  venv+=-all
  cp "$all" "$requirements"
else
  grep '^faster-whisper==' "$all" >"$requirements"
fi

if ! cmp -s "$requirements" "$venv/.requirements"; then
  echo "providers: installing $(grep -v '^#' "$requirements" | xargs) into ${venv#"$PWD"/}"
  rm -rf "$venv"
  python3 -m venv "$venv"
  if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"; then
    echo "providers: NOT RUN: pip could not install them; the lines above say why" >&2
    # In CI a test that does not run is a failure.
    [ "${CI:-}" != true ] || exit 1
    exit 0
  fi
  cp "$requirements" "$venv/.requirements"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# Offline: a model that is missing must be an error, not a download.
(cd compose/sts && HF_HUB_OFFLINE=1 PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m unittest discover -v -s tests/models) \
  >"$log" 2>&1 || status=1
[ "$status" = 0 ] || cat "$log" >&2
grep -oE "skipped ['\"].*" "$log" | sort -u | sed 's/^skipped /providers: NOT RUN: /' || true
passed=$(grep -cE '\.\.\. ok$' "$log" || true)
[ "$passed" -gt 0 ] || { echo "providers: no test ran" >&2; status=1; }
[ "$status" = 0 ] && verdict=passed || verdict=FAILED
echo "providers: $passed tests with tiny random models passed, $(grep -cE '\.\.\. (FAIL|ERROR)$' "$log" || true) failed: $verdict"
exit "$status"
