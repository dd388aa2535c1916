#!/usr/bin/env bash
# Docker engine 20.10.24+dfsg1 with compose 2.26.1; busybox-static 1:1.35.0-4+deb12u1+b1 (Debian 12) in an image of its own.
# Run: a container with a health check that always succeeds (every second), healthy; docker pause; inspect after 4 s; unpause.
# Seen: while it is paused, inspect says "unhealthy", with a failing streak of 0 and a log in which every probe has exit code 0. There is no
#   health_status: unhealthy event. After unpause comes health_status: healthy, a change from a state that was never announced.
# Surprising: events and inspect contradict each other. Who follows events holds the service healthy all along; who polls sees a failure without a failed probe.
# What to do: treat pause and unpause events as changes of health; do not read Health.Status of a paused container as a finding of its probe.
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
  sleeper:
    image: "${IMAGE}"
    init: true
    command: ["/bin/busybox", "sleep", "1000"]
    healthcheck: { test: ["CMD", "/bin/busybox", "true"], interval: 1s, timeout: 5s, retries: 3 }
YML
docker compose up --detach --wait > log 2>&1 || { cat log >&2; exit 2; }
id=$(docker compose ps --quiet sleeper)
since=$(date +%s.%N)
docker pause "$id" > /dev/null
sleep 4
seen="paused: $(docker inspect --format '{{.State.Health.Status}}, streak {{.State.Health.FailingStreak}}, exit codes {{range .State.Health.Log}}{{.ExitCode}}{{end}}' "$id" | sed 's/00*$/all 0/')"
docker unpause "$id" > /dev/null
for _ in $(seq 20); do [ "$(docker inspect --format '{{.State.Health.Status}}' "$id")" != healthy ] || break; sleep 0.5; done
sleep 1
seen+="; events:$(docker events --since "$since" --until "$(date +%s.%N)" --filter "container=$id" --format '{{.Action}}' | grep -v '^exec_' | while read -r action; do printf ' [%s]' "$action"; done)"
wanted="paused: unhealthy, streak 0, exit codes all 0; events: [pause] [unpause] [health_status: healthy]"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
