#!/usr/bin/env bash
# Makes docker-compose 1.29 under .build/compose-v1 from Debian 12's own packages, without installing them, and prints its path.
# Does nothing but print if it is there. Needs apt with a Debian 12 source, dpkg and a Python 3.9–3.11 (which have distutils).
#   COMPOSE_COMMAND=$(scripts/compose-v1.sh) swift test --filter EngineTests
#   scripts/compose-v1.sh test [SWIFT TEST OPTION…]    runs ComposeKit's suites of starts and failures with it
#   scripts/compose-v1.sh quick [SWIFT TEST OPTION…]   runs those of their tests in which the generations differ most
set -euo pipefail
cd "$(dirname "$0")/.."

readonly folder=$PWD/.build/compose-v1
readonly program=$folder/docker-compose
# docker-compose, and what its Python modules import; urllib3 2 and docker-py 6 broke it, Debian 12's versions work together.
readonly packages=(
  docker-compose python3-docker python3-dockerpty python3-docopt python3-dotenv python3-jsonschema python3-requests
  python3-texttable python3-websocket python3-yaml python3-distro python3-urllib3 python3-chardet python3-charset-normalizer
  python3-idna python3-certifi python3-attr python3-pyrsistent python3-six python3-packaging python3-cached-property
)

fail() { printf 'compose-v1: %s\n' "$@" >&2; exit 1; }

find_python() {
  local python
  for python in /usr/bin/python3 python3 python3.11 python3.10 python3.9; do
    "$python" -W ignore -c 'import distutils' 2>/dev/null && { command -v "$python"; return; }
  done
  fail "no Python with distutils (3.9 to 3.11) is on the PATH" "on Debian 12: apt-get install python3 python3-distutils"
}

make_it() {
  local python
  python=$(find_python)
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail "apt-get and dpkg are needed to fetch Debian's packages"
  rm -rf "$folder"
  mkdir -p "$folder/packages"
  (cd "$folder/packages" && apt-get download -qq "${packages[@]}" 2>"$folder/apt.log") ||
    fail "apt-get could not fetch the packages" "$(tail -n 3 "$folder/apt.log")" "apt-get update refreshes the lists"
  for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder/root"; done
  rm -rf "$folder/packages"
  printf '#!/bin/sh\nPYTHONPATH=%s/root/usr/lib/python3/dist-packages exec %s -W ignore %s/root/usr/bin/docker-compose "$@"\n' \
    "$folder" "$python" "$folder" >"$program.new"
  chmod +x "$program.new"
  "$program.new" version --short >/dev/null || fail "docker-compose was unpacked, but does not run (see above)"
  mv "$program.new" "$program"
}

if [ "${1:-}" = quick ] && [ "${CI:-}" != true ] && ! command -v dpkg >/dev/null; then
  echo "compose-v1: NOT RUN: the tests with docker-compose 1.29 need Debian 12's packages (apt-get, dpkg)" >&2
  exit 0
fi
[ -x "$program" ] && "$program" version --short >/dev/null 2>&1 || make_it
case "${1:-}" in
  test | quick) exec scripts/compose-tests.sh "$program" "$@" ;;
  *) echo "$program" ;;
esac
