#!/usr/bin/env bash
# Runs a command with DOCKER_HOST leading to a docker engine of its own that is another machine as far as addresses go: it lives in a
# network namespace that a virtual cable joins to this host. Linux, root, dockerd, iproute2 and iptables.
#   scripts/remote-engine.sh scripts/e2e.sh --filter E2E
# Everything of it ends with the command, or with this script, however that ends. REMOTE_ENGINE_PID is a process in the namespace.
set -euo pipefail

fail() { printf 'remote-engine: %s\n' "$@" >&2; exit 1; }
[ $# -gt 0 ] || fail "no command: scripts/remote-engine.sh COMMAND…"
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || fail "network namespaces are made by root"
for program in unshare ip iptables dockerd docker; do
  command -v "$program" >/dev/null || fail "$program is missing: install docker.io, iproute2, iptables and util-linux"
done

# In the namespaces: $1 folder, $2 address. Ends with its input, which ends with the script that holds it.
inside='
echo apart
read -r word
ip link set lo up && ip address add "$2/30" dev eth0 && ip link set eth0 up || exit 1
dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" -H "tcp://$2:2375" --tls=false \
  --bip 10.213.254.1/24 --default-address-pool base=10.213.0.0/17,size=24 --shutdown-timeout 2 \
  --cgroup-parent "/${1##*/}" >"$1/log" 2>&1 &
pid=$!
echo started
while read -r word; do :; done
kill "$pid" 2>/dev/null && wait "$pid"
rm -rf "$1"
'
folder=$(mktemp -d /tmp/e2e-remote-XXXXXX)
cable=e2e${folder##*-}
# A /30 of its own: two addresses that are of use, this host and the other machine.
while :; do
  third=$((RANDOM % 256)) fourth=$((RANDOM % 64 * 4))
  [ -n "$(ip -4 route show to match "10.214.$third.$fourth" | grep -v ^default)" ] || break
done
here=10.214.$third.$((fourth + 1)) there=10.214.$third.$((fourth + 2))

coproc engine { exec unshare --net --mount --pid --fork --kill-child --mount-proc bash -c "$inside" remote-engine "$folder" "$there" 2>&1; }
pid=$engine_PID
input=${engine[1]} output=${engine[0]}
tidy() {
  exec {input}>&-
  # It says no more, and its end closes the pipe.
  read -r -t 60 word <&"$output" 2>/dev/null || [ $? = 1 ] || kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
  # The cable goes with the namespace. Control groups can go once the last process in them has.
  for _ in $(seq 50); do
    find /sys/fs/cgroup -depth -type d -path "*/${folder##*/}*" -exec rmdir {} + 2>/dev/null && break
    sleep 0.1
  done
  rm -rf "$folder"
}
trap tidy EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

read -r word <&"$output" && [ "$word" = apart ] || fail "no namespaces here: ${word:-}"
ip link add name "$cable" type veth peer name eth0 netns "$pid"
ip address add "$here/30" dev "$cable"
ip link set "$cable" up
echo go >&"$input"
read -r word <&"$output" && [ "$word" = started ] || fail "the namespace has no network: ${word:-}"
export DOCKER_HOST=tcp://$there:2375 REMOTE_ENGINE_PID=$pid
unset DOCKER_CONTEXT
for _ in $(seq 300); do
  docker version >/dev/null 2>&1 && break
  [ -d "/proc/$pid" ] || break
  sleep 0.1
done
docker version >/dev/null 2>&1 || fail "dockerd does not answer at $DOCKER_HOST; the end of its log:" "$(tail -n 15 "$folder/log")"
"$@"
