#!/usr/bin/env bash
# Docker engine 20.10.24+dfsg1 with compose 2.26.1; busybox-static 1:1.35.0-4+deb12u1+b1 (Debian 12) in an image of its own.
# Run: a service that depends on a finished one-shot (service_completed_successfully); up, then `docker compose stop app`, `docker compose start app`.
# Seen: the one-shot ran twice.
# Surprising: start is documented as "starts existing containers for a service", and app was the one named; the one-shot had done its work and nobody
#   stopped it. A migration, a seed or a "publish once" step runs again behind a test that restarts one service.
# What to do: `docker start CONTAINER` for just one container, or one-shots that may run twice.
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
  once:
    image: "${IMAGE}"
    command: ["/bin/busybox", "echo", "ran"]
  app:
    image: "${IMAGE}"
    init: true
    command: ["/bin/busybox", "sleep", "1000"]
    depends_on: { once: { condition: service_completed_successfully } }
YML
docker compose up --detach --wait app > log 2>&1 || { cat log >&2; exit 2; }
once=$(docker compose ps --all --quiet once)
runs() { docker logs "$once" | grep -c ran; }
seen="after up: $(runs)"
docker compose stop --timeout 0 app > log 2>&1
docker start "$(docker compose ps --all --quiet app)" > /dev/null
seen+=", after stop and docker start: $(runs)"
docker compose stop --timeout 0 app > log 2>&1
docker compose start app > log 2>&1
seen+=", after stop and compose start: $(runs)"
wanted="after up: 1, after stop and docker start: 1, after stop and compose start: 2"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
