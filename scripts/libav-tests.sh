#!/usr/bin/env bash
# Tests the decoder behind the package's trait LibAV beside the ffmpeg command, where FFmpeg's headers (5.1 or newer) are.
#   LIBAV=1 scripts/setup.sh unit    installs them
set -euo pipefail
cd "$(dirname "$0")/.."

if ! pkg-config --exists 'libavformat >= 59.27' 'libavcodec >= 59.37' 'libswresample >= 4.7' 'libavutil >= 57.28'; then
  echo "libav-tests: the headers of FFmpeg 5.1 or newer are missing; LIBAV=1 scripts/setup.sh unit installs them" >&2
  exit 1
fi
exec swift test --package-path LibAV --scratch-path .build/libav "$@"
