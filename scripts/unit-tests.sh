#!/usr/bin/env bash
# Runs tests that need no docker.
#   scripts/unit-tests.sh             suites of the kind `logic`, which stay in their process. They get an empty PATH, so that one of them that
#                                     starts a program is seen
#   scripts/unit-tests.sh programs    the other ones that start ffmpeg, commands and peers of a protocol, but for AudioPrint's; what follows
#                                     goes to `swift test`
set -euo pipefail
cd "$(dirname "$0")/.."

suites=$(awk '/\.kind\(\.logic\)/ { wanted = 1 }
  wanted && match($0, /(struct|class|actor|enum) [A-Za-z]+/) { split(substr($0, RSTART, RLENGTH), words, " "); print words[2]; wanted = 0 }
' Tests/*/*.swift | paste -sd '|' -)
case ${1:-} in
  '') ;;
  programs) exec swift test "${@:2}" --skip "[.]($suites)/|AudioPrintTests|EngineTests|E2E" ;;
  *) echo "unit-tests: unknown argument '$1'; say programs, or nothing" >&2; exit 1 ;;
esac
swift build --build-tests
program=$(echo .build/debug/*PackageTests.xctest)
# macOS makes a bundle, which only `swift test` starts.
if [ ! -f "$program" ]; then exec swift test --skip-build --filter "[.]($suites)/"; fi
empty=$(mktemp -d)
trap '/bin/rmdir "$empty"' EXIT
PATH=$empty "$program" --testing-library swift-testing --filter "[.]($suites)/"
