#!/usr/bin/env bash
# Builds the documentation of every library of the package with DocC into .build/docs; a warning, such as a link to a symbol
# that does not exist, is an error. Look at it with:  python3 -m http.server --directory .build/docs
set -euo pipefail
cd "$(dirname "$0")/.."

# The manifest names the plugin only now, so that nobody else fetches it.
export DOCS=1
readonly modules=(ComposeKit SocketIOLite AudioPrint ComposeTesting DubbingTesting)
options=()
for module in "${modules[@]}"; do options+=(--target "$module"); done
rm -rf .build/docs
swift package --allow-writing-to-directory .build/docs generate-documentation "${options[@]}" \
  --enable-experimental-combined-documentation --warnings-as-errors --transform-for-static-hosting --output-path .build/docs
for module in "${modules[@]}"; do
  [ -f ".build/docs/data/documentation/${module,,}.json" ] || { echo "docs: $module has no page" >&2; exit 1; }
done
echo "docs: .build/docs/documentation/index.html"
