#!/usr/bin/env bash
# Runs a command with DOCKER_HOST leading to a docker engine of its own that is another machine as far as addresses go: it lives in a
# network namespace that a virtual cable joins to this host. Linux, root, dockerd, iproute2 and iptables.
#   scripts/remote-engine.sh scripts/e2e.sh --filter E2E
#   scripts/remote-engine.sh --engines 3 --cpus 0.5 COMMAND…
# With --engines there are several, each in a namespace of its own; --cpus bounds what the containers of each may use together; with
# --nat none of them can connect to this host, as behind NAT, and answers it only.
# The command finds, in the order of the engines, the first being DOCKER_HOST:
#   E2E_ENGINE_HOSTS     addresses, "tcp://… tcp://…"
#   E2E_ENGINE_CONTEXTS  docker contexts that lead there, with commas between them: what E2E_ENGINES takes; with them this user's own
#   E2E_ENGINE_PIDS      a process in each namespace, whose end is the end of that machine; of the first also REMOTE_ENGINE_PID
# Everything of it ends with the command, or with this script, however that ends.
set -euo pipefail

fail() { printf 'remote-engine: %s\n' "$@" >&2; exit 1; }
engines=1 cpus= further= nat=
while [ $# -gt 0 ]; do
  case $1 in
    # By the script of the engine before, whose command this is.
    --further) further=1; shift; continue ;;
    --nat) nat=1; shift; continue ;;
    --engines) engines=${2:-} ;;
    --cpus) cpus=${2:-} ;;
    *) break ;;
  esac
  shift 2 || fail "$1 wants a number"
done
[ $# -gt 0 ] || fail "no command: scripts/remote-engine.sh [--engines N] [--cpus N] [--nat] COMMAND…"
[[ $engines =~ ^[1-9][0-9]*$ ]] || fail "--engines $engines is no number from 1 on"
[[ $cpus =~ ^([0-9]+(\.[0-9]+)?)?$ ]] || fail "--cpus $cpus is no number, such as 0.5"
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || fail "network namespaces are made by root"
for program in unshare ip iptables dockerd docker; do
  command -v "$program" >/dev/null || fail "$program is missing: install docker.io, iproute2, iptables and util-linux"
done

# In the namespaces: $1 folder, $2 address, $3 this host's address if it is not to be connected to. Ends with its input, which ends with
# the script that holds it.
inside='
echo apart
read -r word
# What mounts the socket of its node gets this engine, and not the one of this machine.
mount -t tmpfs -o mode=755 run "$(realpath /var/run)" || exit 1
ip link set lo up && ip address add "$2/30" dev eth0 && ip link set eth0 up || exit 1
# The host itself is refused, and its containers are not heard; dockerd would put its own rules before one of the filter for them.
if [ -n "${3:-}" ]; then
  iptables --append OUTPUT --destination "$3" --protocol tcp --syn --jump REJECT || exit 1
  iptables --table mangle --append FORWARD --destination "$3" --protocol tcp --syn --jump DROP || exit 1
fi
dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" -H "tcp://$2:2375" -H unix:///var/run/docker.sock --tls=false \
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

coproc engine { exec unshare --net --mount --pid --fork --kill-child --mount-proc bash -c "$inside" remote-engine "$folder" "$there" ${nat:+"$here"} 2>&1; }
pid=$engine_PID
input=${engine[1]} output=${engine[0]}
tidy() {
  # timeout(1) asks twice: the second time must not end this.
  trap '' TERM INT
  exec {input}>&-
  # It says no more, and its end closes the pipe.
  { read -r -t 60 word <&"$output"; } 2>/dev/null || [ $? = 1 ] || kill -KILL "$pid" || true
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

# Contexts are files. Those made here lie in a folder of links to this user's own, which stay as they are.
if [ -z "$further" ]; then
  unset E2E_ENGINE_HOSTS E2E_ENGINE_PIDS E2E_ENGINE_CONTEXTS
  mkdir "$folder/docker"
  own=${DOCKER_CONFIG:-${HOME:-/root}/.docker}
  [ ! -d "$own" ] || cp --recursive --symbolic-link "$(realpath "$own")/." "$folder/docker"
  export DOCKER_CONFIG=$folder/docker
fi
# A group of the kernel around those of the containers, which dockerd makes inside.
if [ -n "$cpus" ]; then
  quota=$(awk "BEGIN { print int($cpus * 100000) }")
  if [ -d /sys/fs/cgroup/cpu ]; then
    mkdir "/sys/fs/cgroup/cpu/${folder##*/}"
    echo 100000 >"/sys/fs/cgroup/cpu/${folder##*/}/cpu.cfs_period_us"
    echo "$quota" >"/sys/fs/cgroup/cpu/${folder##*/}/cpu.cfs_quota_us"
  else
    mkdir "/sys/fs/cgroup/${folder##*/}"
    echo "$quota 100000" >"/sys/fs/cgroup/${folder##*/}/cpu.max"
  fi
fi

read -r word <&"$output" && [ "$word" = apart ] || fail "no namespaces here: ${word:-}"
ip link add name "$cable" type veth peer name eth0 netns "$pid"
ip address add "$here/30" dev "$cable"
ip link set "$cable" up
echo go >&"$input"
read -r word <&"$output" && [ "$word" = started ] || fail "the namespace has no network: ${word:-}"
address=tcp://$there:2375
unset DOCKER_CONTEXT
for _ in $(seq 300); do
  docker -H "$address" version >/dev/null 2>&1 && break
  [ -d "/proc/$pid" ] || break
  sleep 0.1
done
docker -H "$address" version >/dev/null 2>&1 ||
  fail "dockerd does not answer at $address; the end of its log:" "$(tail -n 15 "$folder/log")"
word=$(docker context create "${folder##*/}" --docker "host=$address" 2>&1) || fail "there is no context: $word"
export E2E_ENGINE_HOSTS="${E2E_ENGINE_HOSTS:+$E2E_ENGINE_HOSTS }$address"
export E2E_ENGINE_PIDS="${E2E_ENGINE_PIDS:+$E2E_ENGINE_PIDS }$pid"
export E2E_ENGINE_CONTEXTS="${E2E_ENGINE_CONTEXTS:+$E2E_ENGINE_CONTEXTS,}${folder##*/}"
# Each engine runs the script of the next, so that each is taken away by the script that has made it.
if [ "$engines" -gt 1 ]; then
  "$0" --further --engines $((engines - 1)) ${cpus:+--cpus "$cpus"} ${nat:+--nat} "$@"
else
  export DOCKER_HOST=${E2E_ENGINE_HOSTS%% *} REMOTE_ENGINE_PID=${E2E_ENGINE_PIDS%% *}
  "$@"
fi
