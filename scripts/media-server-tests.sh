#!/usr/bin/env bash
# Runs every row of docs/media-server.md against the relay, started from this checkout in both generations, and against MediaMTX too.
#   scripts/media-server-tests.sh [WORD …]                   only tests whose name contains one of the words
#   MEDIAMTX_BINARY=path scripts/media-server-tests.sh       the same assertions against that program
set -euo pipefail
binary=${MEDIAMTX_BINARY:-}
if [ -n "$binary" ]; then
  # It may be relative to where the caller is.
  binary=$(readlink -f -- "$binary")
  if [ ! -x "$binary" ]; then
    echo "media server: MEDIAMTX_BINARY=$MEDIAMTX_BINARY is no program that can be run; unset it, or name MediaMTX's" >&2
    exit 1
  fi
fi
cd "$(dirname "$0")/../compose/relay"
for tool in ffmpeg ffprobe; do
  command -v "$tool" >/dev/null || { echo "media server: $tool is missing; 'make setup' installs it" >&2; exit 1; }
done
MEDIAMTX_BINARY=$binary PYTHONDONTWRITEBYTECODE=1 exec python3 -m tests.behaviour "$@"
