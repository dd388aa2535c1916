#!/usr/bin/env bash
# Builds one static site into .build/docs: README, docs/*.md, and the pages of every library with DocC; a warning, such as a link to a symbol
# that does not exist, is an error, and so is a link that leads nowhere. Look at it with:  python3 -m http.server --directory .build/docs
set -euo pipefail
cd "$(dirname "$0")/.."

# In the order in which they know each other.
readonly modules=(ComposeKit SocketIOLite AudioPrint ComposeTesting DubbingTesting)
# The symbols come out of the modules that every build leaves. DocC's plugin for packages would compile them anew, with other flags.
swift build
bin=$(swift build --show-bin-path)
target=$(swift -print-target-info | sed -n 's/^ *"triple": "\(.*\)",$/\1/p' | head -n 1)
maps=()
for map in "$bin"/*.build/module.modulemap .build/checkouts/*/Sources/*/include/module.modulemap Sources/*/module.modulemap; do
  [ -f "$map" ] && maps+=(-Xcc "-fmodule-map-file=$map")
done
site=.build/docs work=.build/docs-modules archives=() dependencies=()
rm -rf "$site" "$work"
for module in "${modules[@]}"; do
  graphs=$work/$module/graphs archive=$work/$module.doccarchive
  mkdir -p "$graphs"
  swift symbolgraph-extract -module-name "$module" -target "$target" -I "$bin/Modules" "${maps[@]}" -minimum-access-level public \
    -emit-extension-block-symbols -module-cache-path "$work/cache" -output-dir "$graphs"
  docc convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" --output-path "$archive" \
    --fallback-display-name "$module" --fallback-bundle-identifier "$module" --enable-experimental-external-link-support \
    "${dependencies[@]}" --warnings-as-errors --transform-for-static-hosting --emit-lmdb-index
  archives+=("$archive") dependencies+=(--dependency "$archive")
done
docc merge "${archives[@]}" --output-path "$site" --synthesized-landing-page-name swift-dubbing-e2e
for module in "${modules[@]}"; do
  [ -f "$site/data/documentation/${module,,}.json" ] || { echo "docs: $module has no page" >&2; exit 1; }
done
# What renders Markdown, in a folder of its own.
venv=.build/docs-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import markdown' 2>/dev/null || "$venv/bin/pip" install --quiet 'markdown==3.11.3'
"$venv/bin/python" scripts/site.py "$site"
echo "docs: $site/index.html"
