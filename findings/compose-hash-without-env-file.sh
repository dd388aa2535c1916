#!/usr/bin/env bash
# Docker engine 20.10.24+dfsg1 with compose 2.26.1; busybox-static 1:1.35.0-4+deb12u1+b1 (Debian 12) in an image of its own.
# Run: a service with an env_file; `docker compose config --hash` and `up` before and after a value in that file changes.
# Seen: the hash is the same before and after, and yet `up` recreates the container for the change.
# Surprising: the hash is there to tell whether a service's configuration changed, and compose itself, which labels containers with one, sees the
#   change. A CI that reuses a running project while the hash is the same tests the old settings.
# What to do: hash the env files yourself, beside the output of `config`.
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
    init: true
    command: ["/bin/busybox", "sleep", "1000"]
    env_file: [app.env]
YML
start() { docker compose up --detach --wait > log 2>&1 || { cat log >&2; exit 2; }; docker compose ps --quiet app; }
echo LANGUAGE=en > app.env
hash=$(docker compose config --hash app) first=$(start) again=$(start)
echo LANGUAGE=es > app.env
changed=$(docker compose config --hash app) last=$(start)
seen="hash $([ "$hash" = "$changed" ] && echo same || echo other); container unchanged $([ "$first" = "$again" ] && echo kept || echo recreated), changed $([ "$first" = "$last" ] && echo kept || echo recreated)"
wanted="hash same; container unchanged kept, changed recreated"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
