#!/usr/bin/env bash
# Makes the Python peers that SocketIOLite's tests talk to; does nothing if they are there and current.
#   .build/peers-venv                  the newest python-socketio, pinned in peers-requirements.txt
#   .build/peers-debian/bin/python     the python-socketio of Debian 12: from its own packages where apt has them, otherwise
#                                      the same versions from the package index
#   scripts/peers.sh check    only says by its exit code whether they are
set -euo pipefail
cd "$(dirname "$0")/.."

readonly requirements=scripts/peers-requirements.txt
readonly venv=${PEERS_VENV:-.build/peers-venv}
readonly stamp=$venv/.requirements
readonly debian=$PWD/.build/peers-debian
readonly debian_versions=(python-socketio==5.7.2 python-engineio==4.3.4 aiohttp)
# python3-socketio and what it imports; its compiled modules need Debian 12's Python 3.11.
readonly debian_packages=(
  python3-socketio python3-engineio python3-bidict python3-aiohttp python3-aiosignal python3-async-timeout python3-attr
  python3-charset-normalizer python3-frozenlist python3-idna python3-multidict python3-yarl
)

fail() { printf 'peers: %s\n' "$@" >&2; exit 1; }

has_debian() { "$debian/bin/python" -c 'import socketio, aiohttp' 2>/dev/null; }
is_current() { [ -x "$venv/bin/python" ] && cmp -s "$requirements" "$stamp"; }

# From Debian's packages, without installing them; false if this is no Debian 12.
unpack_debian() {
  /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || return 1
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  mkdir -p "$debian/packages" "$debian/bin"
  (cd "$debian/packages" && apt-get download -qq "${debian_packages[@]}" >"$debian/apt.log" 2>&1) || return 1
  for package in "$debian"/packages/*.deb; do dpkg -x "$package" "$debian/root"; done
  rm -rf "$debian/packages"
  printf '#!/bin/sh\nPYTHONPATH=%s/root/usr/lib/python3/dist-packages exec /usr/bin/python3 "$@"\n' "$debian" >"$debian/bin/python"
  chmod +x "$debian/bin/python"
  has_debian
}

if is_current && has_debian; then exit 0; fi
[ "${1:-}" != check ] || exit 1
command -v python3 >/dev/null 2>&1 || fail "python3 is not on the PATH" "install Python 3.9 or newer and run this again"
python3 -c 'import ensurepip, venv' 2>/dev/null ||
  fail "$(command -v python3) cannot make virtual environments: it lacks venv or ensurepip" "on Debian: apt-get install python3-venv"

if ! is_current; then
  printf 'peers: installing python-socketio and what it needs into %s\n' "$venv"
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" ||
    fail "pip could not install $requirements" "the lines above say why; a package index must be reachable (pip's own settings apply)"
  cp "$requirements" "$stamp"
fi
if ! has_debian; then
  printf 'peers: fetching the python-socketio of Debian 12 into %s\n' "$debian"
  rm -rf "$debian"
  if ! unpack_debian; then
    rm -rf "$debian"
    python3 -m venv "$debian"
    "$debian/bin/python" -m pip install --quiet --disable-pip-version-check "${debian_versions[@]}" ||
      fail "neither apt nor pip could fetch the python-socketio of Debian 12" "the lines above say why"
  fi
fi
