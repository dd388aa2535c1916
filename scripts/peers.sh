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
readonly debian_versions=(
  python-socketio==5.7.2 python-engineio==4.3.4 aiohttp uvicorn websockets hypercorn tornado werkzeug gevent gevent-websocket eventlet
)
# python3-socketio, the servers that it runs under, and what those import; compiled modules need Debian 12's Python 3.11.
readonly debian_packages=(
  python3-socketio python3-engineio python3-bidict python3-aiohttp python3-aiosignal python3-async-timeout python3-attr
  python3-charset-normalizer python3-frozenlist python3-idna python3-multidict python3-yarl
  python3-uvicorn python3-h11 python3-click python3-websockets python3-wsproto python3-asgiref
  python3-hypercorn python3-h2 python3-hpack python3-hyperframe python3-priority python3-toml python3-typing-extensions
  python3-tornado python3-werkzeug python3-markupsafe
  python3-gevent python3-gevent-websocket python3-greenlet python3-zope.event python3-zope.interface libev4 libc-ares2 libuv1
  python3-eventlet python3-dnspython python3-six
)

fail() { printf 'peers: %s\n' "$@" >&2; exit 1; }

has_debian() {
  "$debian/bin/python" -c 'import socketio, aiohttp, uvicorn, hypercorn, tornado, werkzeug, gevent, geventwebsocket, eventlet' 2>/dev/null
}
is_current() { [ -x "$venv/bin/python" ] && cmp -s "$requirements" "$stamp"; }

# From Debian's packages, without installing them; false if this is no Debian 12.
unpack_debian() {
  /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || return 1
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  mkdir -p "$debian/packages" "$debian/bin"
  (cd "$debian/packages" && apt-get download -qq "${debian_packages[@]}" >"$debian/apt.log" 2>&1) || return 1
  for package in "$debian"/packages/*.deb; do dpkg -x "$package" "$debian/root"; done
  rm -rf "$debian/packages"
  # gevent's event loops are libraries of their own.
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s PYTHONPATH=%s/root/usr/lib/python3/dist-packages exec /usr/bin/python3 "$@"\n' \
    "$(dirname "$(find "$debian/root" -name 'libev.so.4' | head -1)")" "$debian" >"$debian/bin/python"
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
