#!/usr/bin/env bash
# Docker engine 20.10.24+dfsg1 with compose 2.26.1; busybox-static 1:1.35.0-4+deb12u1+b1 (Debian 12) in an image of its own.
# Run: `docker compose logs` and `docker compose --ansi never logs --no-color` of a service that prints one line, into a file.
# Seen: every line begins with ESC [ 2 K ("erase the line") in both.
# Surprising: nothing is a terminal here, and both options promise to leave such codes out. The line looks right on a terminal, and a pattern that is
#   anchored at its start (^app-1) matches nothing.
# What to do: cut ESC [ 2 K off before parsing, or read with `docker logs`.
set -euo pipefail
work=$(mktemp -d)
export COMPOSE_PROJECT_NAME=findings-$$ IMAGE=findings-$$:local
cleanup() {
  cd "$work"
  [ ! -f compose.yml ] || docker compose down --volumes --timeout 0 > /dev/null 2>&1 || true
  docker image rm --force "$IMAGE" > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
engine=$(docker version --format "{{.Server.Version}}") compose=$(docker compose version --short)
case "$engine $compose" in "20.10.24+dfsg1 2.26.1"*) ;; *) echo "needs Docker engine 20.10.24+dfsg1 and compose 2.26.1, found: $engine $compose" >&2; exit 2 ;; esac
apt-get -qq -o APT::Sandbox::User=root download busybox-static=1:1.35.0-4+deb12u1+b1
dpkg -x busybox-static_*.deb root
mkdir -p image/bin
cp root/bin/busybox image/bin/busybox
ln -s busybox image/bin/sh
printf 'FROM scratch\nCOPY bin /bin\n' > image/Dockerfile
docker build --quiet --tag "$IMAGE" image > /dev/null 2>&1
cat > compose.yml <<'YML'
services:
  app:
    image: "${IMAGE}"
    command: ["/bin/busybox", "echo", "ready"]
YML
docker compose up --detach > log 2>&1 || { cat log >&2; exit 2; }
docker wait "$(docker compose ps --all --quiet app)" > /dev/null
docker compose logs > plain 2>&1 < /dev/null
docker compose --ansi never logs --no-color > uncoloured 2>&1 < /dev/null
docker logs "$(docker compose ps --all --quiet app)" > engine
seen="plain $(cat -v plain), uncoloured $(cat -v uncoloured), engine $(cat -v engine)"
wanted="plain ^[[2Kapp-1  | ready, uncoloured ^[[2Kapp-1  | ready, engine ready"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
