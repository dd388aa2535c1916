#!/usr/bin/env bash
# Installs what the tests need and this machine lacks; says what it does; may be run as often as you like.
#   scripts/setup.sh unit     what `make unit` needs: ffmpeg, FFTW, the peers that protocol tests talk to
#   scripts/setup.sh all      also docker, compose and the base image (default)
#   scripts/setup.sh check    changes nothing, exits 1 and prints the commands if something is missing
set -euo pipefail
cd "$(dirname "$0")/.."

# An ordinary user's PATH lacks the folders in which Debian keeps dockerd, iptables and debootstrap.
PATH=$PATH:/usr/sbin:/sbin

readonly what=${1:-all}
readonly base_image=${E2E_BASE_IMAGE:-e2e-base:bookworm}
readonly plugin_dir=/usr/local/lib/docker/cli-plugins

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
compose_works() { docker compose version >/dev/null 2>&1 || docker-compose version >/dev/null 2>&1; }
engine_works() { timeout 10 docker info >/dev/null 2>&1; }
base_exists() { docker image inspect "$base_image" >/dev/null 2>&1; }

# --- what is missing -------------------------------------------------------------------------------------------------
packages=()
need() { "${@:2}" >/dev/null 2>&1 || packages+=("$1"); }

find_missing_packages() {
  need ffmpeg have ffmpeg
  need libfftw3-dev test -e /usr/include/fftw3.h
  need pkg-config have pkg-config
  # For the package's trait LibAV, which decodes without the ffmpeg command. LIBAV=1 asks for it.
  if [ "${LIBAV:-}" = 1 ]; then
    for library in libavformat libavcodec libswresample libavutil; do need "$library-dev" pkg-config --exists "$library"; done
  fi
  need git have git
  need python3 have python3
  need python3-venv python3 -c 'import ensurepip, venv'
  [ "$what" = unit ] && return
  need iptables have iptables
  need debootstrap have debootstrap
  have dockerd || engine_works || packages+=(docker.io)
}

print_commands_for_macos() {
  cat >&2 <<'TEXT'
setup: this is macOS: nothing is installed for you. Run these, then try again:
  brew install ffmpeg fftw pkg-config python3
  brew install --cask docker        # or colima / OrbStack: anything that `docker compose version` answers for
  docker pull debian:bookworm-slim && docker tag debian:bookworm-slim e2e-base:bookworm
TEXT
  exit 1
}

print_commands_without_root() {
  printf 'setup: these are missing and installing them needs root: %s\nsetup: run\n' "$*" >&2
  printf '  sudo scripts/setup.sh %s\n' "${what/check/all}" >&2
  [ ${#packages[@]} -eq 0 ] || printf 'setup: or, step by step,\n  sudo apt-get update && sudo apt-get install -y %s\n' "${packages[*]}" >&2
  if [ "$what" != unit ]; then
    printf '  sudo systemctl start docker && sudo usermod -aG docker %s   # then log in again\n' "$(id -un)" >&2
  fi
  exit 1
}

# The mirror that this system's own apt uses, so that a site's proxy or mirror serves the images too.
debian_mirror() {
  [ -n "${E2E_DEBIAN_MIRROR:-}" ] && { echo "${E2E_DEBIAN_MIRROR%/}"; return; }
  local uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
  [ -n "$uri" ] || fail "apt here knows no Debian 12 (bookworm) mirror" "set E2E_DEBIAN_MIRROR to the address of one and try again"
  echo "${uri%/}"
}

# --- steps -----------------------------------------------------------------------------------------------------------
install_packages() {
  [ ${#packages[@]} -gt 0 ] || return 0
  say "installing ${packages[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
    fail "apt-get could not install ${packages[*]}" "look at the lines above; 'apt-get install ${packages[*]}' repeats it by hand"
}

# After a machine was stopped hard, the id in a pid file may belong to somebody else: dockerd would then take that process for
# an engine, or wait for it as its containerd.
forget_stale_pid() {
  local file=$1 name=$2 pid
  pid=$(cat "$file" 2>/dev/null) || return 0
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$name" ] || rm -f "$file"
}

start_engine() {
  engine_works && return
  if [ -d /run/systemd/system ]; then
    say "starting docker through systemd"
    systemctl start docker
  else
    say "starting dockerd (no service manager here); its log is /var/log/dockerd.log, its pid is in /run/e2e-dockerd.pid"
    forget_stale_pid /var/run/docker.pid dockerd
    forget_stale_pid /var/run/docker/containerd/containerd.pid containerd
    setsid sh -c 'echo $$ >/run/e2e-dockerd.pid; exec dockerd' >>/var/log/dockerd.log 2>&1 </dev/null &
  fi
  for _ in $(seq 120); do
    engine_works && return
    sleep 0.5
  done
  fail "the docker engine does not answer after 60 s" "last lines of its log:" "$(tail -n 5 /var/log/dockerd.log 2>/dev/null)" \
    "if DOCKER_HOST is set, check that it points at a running engine"
}

# Debian 12 has no compose v2. Debian 13's package holds one static binary: it is fetched with apt lists of its own, so that
# the system's sources stay Debian 12's, and only that binary is unpacked.
install_compose() {
  compose_works && return
  say "installing docker compose v2 (one static binary from Debian 13's package) into $plugin_dir"
  local dir mirror
  mirror=$(debian_mirror)
  dir=$(mktemp -d)
  chmod 755 "$dir"
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  echo "deb $mirror trixie main" >"$dir/sources.list"
  local options=(-qq -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$dir/lists"
    -o "Dir::Cache=$dir/cache" -o APT::Sandbox::User=root)
  (cd "$dir" && apt-get "${options[@]}" update && apt-get "${options[@]}" download docker-compose && dpkg -x docker-compose_*.deb tree)
  install -D -m 755 "$(find "$dir/tree" -type f -name docker-compose -path '*cli-plugins*' | head -n 1)" "$plugin_dir/docker-compose"
  rm -rf "$dir"
  compose_works || fail "docker compose was installed in $plugin_dir but 'docker compose version' does not answer"
}

# One local tag, wherever its content comes from: the Dockerfiles say FROM it.
make_base_image() {
  base_exists && return
  if timeout 60 docker pull -q debian:bookworm-slim >/dev/null 2>&1; then
    docker tag debian:bookworm-slim "$base_image"
    say "base image $base_image: pulled debian:bookworm-slim"
    return
  fi
  say "no registry answers: building $base_image with debootstrap (about a minute)"
  local root mirror
  mirror=$(debian_mirror)
  root=$(mktemp -d)
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 || fail "debootstrap failed:" "$(tail -n 5 "$root.log")"
  {
    echo "deb $mirror bookworm main"
    echo "deb $mirror bookworm-updates main"
    echo "deb $mirror-security bookworm-security main"
  } >"$root/etc/apt/sources.list"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root"/usr/share/{doc,man,locale}/*
  tar -C "$root" -c . | docker import -c 'CMD ["bash"]' - "$base_image" >/dev/null
  rm -rf "$root" "$root.log"
}

check_swift() {
  have swift || fail "swift is not on the PATH" "install Swift 6.3 from https://www.swift.org/install and try again"
}

# --- main ------------------------------------------------------------------------------------------------------------
case "$what" in unit | all | check) ;; *) fail "unknown argument '$what'; use unit, all or check" ;; esac
check_swift
if [ "$(uname)" = Darwin ]; then
  have ffmpeg && have pkg-config && pkg-config fftw3f && { [ "$what" = unit ] || { engine_works && compose_works && base_exists; }; } ||
    print_commands_for_macos
  exec scripts/peers.sh
fi
find_missing_packages
missing=("${packages[@]}")
if [ "$what" != unit ]; then
  engine_works || missing+=("a running docker engine")
  compose_works || missing+=("docker compose")
  base_exists 2>/dev/null || missing+=("the base image $base_image")
fi
if [ "$what" = check ]; then
  scripts/peers.sh check || missing+=("the Python peers in .build/peers-venv")
  [ ${#missing[@]} -eq 0 ] || print_commands_without_root "${missing[@]}"
  exit 0
fi
if [ ${#missing[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] || print_commands_without_root "${missing[@]}"
  have apt-get || fail "this is not a Debian-like system: install ${missing[*]} with your package manager and try again"
  install_packages
  if [ "$what" = all ]; then
    start_engine
    install_compose
    make_base_image
  fi
fi
scripts/peers.sh
