#!/usr/bin/env bash
# Real weights: Whisper and Kokoro alone, in their image, and then the streams with the tag `models`, whose dub is listened to.
# What is not run is said, and is not counted as passed. Arguments go to `swift test`.
set -euo pipefail
cd "$(dirname "$0")/.."
export STS_PROVIDERS=models

if ! scripts/stacks.sh models; then
  echo "models: NOT RUN: the image could not be made; the lines above say why" >&2
  # In CI a test that does not run is a failure.
  [ "${CI:-}" != true ] || exit 1
  exit 0
fi
scripts/container-tests.sh models
# A report of its own: that of the standard run stays.
E2E_TAGS=models E2E_REPORT_DIR=.build/e2e-models scripts/e2e.sh "$@" --filter E2E
