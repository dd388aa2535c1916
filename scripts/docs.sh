#!/usr/bin/env bash
# Builds one static site into .build/docs: README, docs/*.md, and the pages of every library with DocC; a warning, such as a link to a symbol
# that does not exist, is an error, and so is a link that leads nowhere. Look at it with:  python3 -m http.server --directory .build/docs
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
# What renders Markdown, in a folder of its own.
venv=.build/docs-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import markdown' 2>/dev/null || "$venv/bin/pip" install --quiet 'markdown==3.11.3'
"$venv/bin/python" scripts/site.py .build/docs
echo "docs: .build/docs/index.html"
