#!/usr/bin/env bash
# Makes players of every stream of a run, then tries every link, player and button of a run's page, and takes screenshots for a person to look at: light, dark, narrow, and with every stream open.
#   scripts/page.sh [.build/e2e]
set -euo pipefail
cd "$(dirname "$0")/.."

report=$(realpath "${1:-.build/e2e}")
[ -f "$report/index.html" ] || { echo "page: there is no $report/index.html; run make e2e first" >&2; exit 1; }
browser=
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then browser=$name && break; fi
done
[ -n "$browser" ] || { echo "page: Chromium is missing; on Debian: apt-get install chromium" >&2; exit 1; }

# `make e2e` makes players of what is not as expected only: encoding costs 0.7 CPU seconds a stream.
tool=$(swift build --show-bin-path)/dubbing-report
[ -x "$tool" ] || swift build --product dubbing-report
"$tool" page --all "$report"

# What drives the browser, in a folder of its own.
venv=.build/page-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import playwright' 2>/dev/null || "$venv/bin/pip" install --quiet 'playwright==1.65.2'
status=0
"$venv/bin/python" scripts/page-check.py "$report" "$(command -v "$browser")" || status=1

sandbox=()
# Chromium refuses to run as root inside its sandbox.
[ "$(id -u)" != 0 ] || sandbox=(--no-sandbox)
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
# A closed stream is not drawn.
sed -E 's/(<details class="stream" id="[^"]*")>/\1 open>/' "$report/index.html" >"$report/page-open.html"

shot() {  # name, page, width, height, further options
  local name=$1 page=$2 size=$3
  shift 3
  "$browser" --headless --disable-gpu "${sandbox[@]}" --hide-scrollbars --user-data-dir="$profile" --window-size="$size" \
    --screenshot="$report/$name.png" "$@" "file://$report/$page" >"$profile/log" 2>&1 || true
  [ -s "$report/$name.png" ] || { cat "$profile/log" >&2; echo "page: no screenshot $name" >&2; exit 1; }
  echo "page: $report/$name.png"
}
shot page-light index.html 1280,1600
shot page-open page-open.html 1280,4000
shot page-dark page-open.html 1280,4000 --force-dark-mode --blink-settings=preferredColorScheme=0
shot page-narrow page-open.html 500,4000
exit "$status"
