#!/usr/bin/env bash
# Runs the E2E tests with MediaMTX in the relay's place, where there is one: MEDIAMTX_BINARY=path or MEDIAMTX_IMAGE=name.
# Arguments go to `swift test`.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${MEDIAMTX_BINARY:-}${MEDIAMTX_IMAGE:-}" ]; then
  echo "e2e: NOT RUN with MediaMTX: set MEDIAMTX_BINARY to its program, or MEDIAMTX_IMAGE to an image that is here"
  exit 0
fi
export MEDIA_SERVER=mediamtx
[ -z "${MEDIAMTX_BINARY:-}" ] || export MEDIAMTX_IMAGE=e2e-mediamtx:local
scripts/stacks.sh build
E2E_REPORT_DIR=${E2E_REPORT_DIR:-.build/e2e-mediamtx} scripts/e2e.sh "$@"
