#!/usr/bin/env bash
# Measures the modules beside their peers, in one run: installs the peers, builds release, runs Benchmarks/bench/bench.py.
#   scripts/bench.sh [--group socketio|audioprint|composekit|e2e|all] [--runs N] [--save]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly requirements=Benchmarks/requirements.txt
readonly venv=.build/bench-venv
readonly scratch=.build/bench-build

fail() { printf 'bench: %s\n' "$@" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# fpcalc is Chromaprint's command; gcc compiles the FFTW loop.
install_tools() {
  local packages=()
  have fpcalc || packages+=(libchromaprint-tools)
  have gcc || packages+=(gcc libc6-dev)
  [ ${#packages[@]} -gt 0 ] || return 0
  if [ "$(uname)" = Darwin ]; then fail "these are missing: ${packages[*]}" "on macOS: brew install chromaprint gcc"; fi
  have apt-get || fail "install ${packages[*]} with your package manager and try again"
  [ "$(id -u)" = 0 ] || fail "these are missing: ${packages[*]}" "run: sudo apt-get install -y ${packages[*]}"
  printf 'bench: installing %s\n' "${packages[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

install_peers() {
  if [ -x "$venv/bin/python" ] && cmp -s "$requirements" "$venv/.requirements"; then return; fi
  printf 'bench: installing the peers of %s into %s\n' "$requirements" "$venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" ||
    fail "pip could not install $requirements" "the lines above say why; a package index must be reachable (pip's own settings apply)"
  cp "$requirements" "$venv/.requirements"
}

export PYTHONDONTWRITEBYTECODE=1
# The E2E tests have no peer, and are measured as they are run everywhere else.
case " $* " in *" --group e2e "*) exec python3 Benchmarks/bench/bench.py "$@" ;; esac

install_tools
install_peers
readonly build=(swift build -c release --package-path Benchmarks --scratch-path "$scratch")
printf 'bench: building release in %s (some minutes the first time)\n' "$scratch"
mkdir -p "$scratch"
"${build[@]}" >"$scratch/build.log" 2>&1 || { tail -n 30 "$scratch/build.log" >&2; fail "the build failed; all of it is in $scratch/build.log"; }
BENCH_BIN=$("${build[@]}" --show-bin-path)
export BENCH_BIN
# The trait is another build of AudioPrint: with it there are rows of both decoders.
if [ "${LIBAV:-}" != 1 ] && [[ " $* " != *" --group "[sc]* ]] && pkg-config --exists 'libavformat >= 59.27'; then
  readonly with=(env LIBAV=1 swift build -c release --package-path Benchmarks --scratch-path "$scratch-libav" --product AudioBench)
  printf 'bench: building AudioBench with the trait LibAV in %s\n' "$scratch-libav"
  mkdir -p "$scratch-libav"
  "${with[@]}" >"$scratch-libav/build.log" 2>&1 || { tail -n 30 "$scratch-libav/build.log" >&2; fail "the build failed; all of it is in $scratch-libav/build.log"; }
  BENCH_BIN_LIBAV=$("${with[@]}" --show-bin-path)
  export BENCH_BIN_LIBAV
fi
exec "$venv/bin/python" Benchmarks/bench/bench.py "$@"
