#!/usr/bin/env bash
# Publishers besides ffmpeg (GStreamer, one like OBS, cameras) against the relay and, where MEDIAMTX_BINARY names one,
# a real MediaMTX.
# What is not run is said, and is not counted as passed.
set -euo pipefail
binary=${MEDIAMTX_BINARY:-}
if [ -n "$binary" ]; then
  # It may be relative to where the caller is.
  binary=$(readlink -f -- "$binary")
  [ -x "$binary" ] || { echo "publishers: MEDIAMTX_BINARY=$MEDIAMTX_BINARY is no program that can be run" >&2; exit 1; }
fi
cd "$(dirname "$0")/.."
export MEDIAMTX_BINARY=$binary
export PUBLISHERS_IMAGE=${PUBLISHERS_IMAGE:-e2e-publishers:local} PYTHONDONTWRITEBYTECODE=1

# GStreamer goes into an image of its own (130 MB), not into this system: only these tests need it.
if ! docker image inspect "$PUBLISHERS_IMAGE" >/dev/null 2>&1; then
  echo "publishers: building $PUBLISHERS_IMAGE with Debian's GStreamer (25 MB to fetch, once)"
fi
docker build --quiet --build-arg BASE_IMAGE="${BASE_IMAGE:-e2e-base:bookworm}" --tag "$PUBLISHERS_IMAGE" \
  compose/publishers >/dev/null

for image in "${PUBLISHERS_WORKER_IMAGE:-e2e-worker:local}" "${PUBLISHERS_STS_IMAGE:-e2e-sts:local}"; do
  docker image inspect "$image" >/dev/null 2>&1 ||
    { echo "publishers: there is no $image: run 'make images' first" >&2; exit 1; }
done

status=0
# run SERVER: the suite against one server
run() {
  local log
  log=$(mktemp)
  local result=0
  (cd compose/publishers && PUBLISHERS_SERVER=$1 python3 -m unittest discover -s tests -t .) >"$log" 2>&1 || result=$?
  if [ "$result" != 0 ] || grep -q 'skipped=' "$log" || ! grep -qE '^Ran [1-9]' "$log"; then
    echo "publishers against $1: FAILED:" >&2
    cat "$log" >&2
    status=1
  else
    grep 'once more$' "$log" || true
    echo "publishers against $1: $(grep -E '^Ran ' "$log"), passed"
  fi
  rm -f "$log"
}

run relay
if [ -n "$binary" ]; then
  run mediamtx
else
  echo "publishers against mediamtx: NOT RUN: MEDIAMTX_BINARY names no MediaMTX"
fi
exit "$status"
