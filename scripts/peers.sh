#!/usr/bin/env bash
# Makes .build/peers-venv with the Python peers that SocketIOLite's tests talk to; does nothing if it is there and current.
#   scripts/peers.sh check    only says by its exit code whether it is
set -euo pipefail
cd "$(dirname "$0")/.."

readonly requirements=scripts/peers-requirements.txt
readonly venv=${PEERS_VENV:-.build/peers-venv}
readonly stamp=$venv/.requirements

fail() { printf 'peers: %s\n' "$@" >&2; exit 1; }

if [ -x "$venv/bin/python" ] && cmp -s "$requirements" "$stamp"; then exit 0; fi
[ "${1:-}" != check ] || exit 1
command -v python3 >/dev/null 2>&1 || fail "python3 is not on the PATH" "install Python 3.9 or newer and run this again"
python3 -c 'import ensurepip, venv' 2>/dev/null ||
  fail "$(command -v python3) cannot make virtual environments: it lacks venv or ensurepip" "on Debian: apt-get install python3-venv"

printf 'peers: installing python-socketio and what it needs into %s\n' "$venv"
rm -rf "$venv"
mkdir -p "$(dirname "$venv")"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" ||
  fail "pip could not install $requirements" "the lines above say why; a package index must be reachable (pip's own settings apply)"
cp "$requirements" "$stamp"
