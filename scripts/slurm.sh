#!/usr/bin/env bash
# Runs the recipe for Slurm (docs/shard-recipes.md) as it stands there, on a cluster of its own: slurmctld, three slurmd and munge on
# loopback, for each node a docker engine in a network namespace (scripts/nodes.sh). Then looks whether each case was run once.
#   E2E_TAGS=pipeline ENGINE_CPUS=0.5 scripts/slurm.sh      ENGINE_CPUS (0.6): cores for the containers of a node together
# Slurm is Debian's, unpacked into .build/slurm and not installed. Its files are in a file system of this script's own, its daemons and jobs
# in a process namespace: all of it ends with the script, however that ends. Linux, root.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly tools=$PWD/.build/slurm

fail() { printf 'slurm: %s\n' "$@" >&2; exit 1; }

unpack() {
  [ ! -x "$tools/usr/sbin/slurmctld-wlm" ] || return 0
  echo "slurm: unpacking Debian's Slurm and munge into .build/slurm (3.5 MB; nothing is installed)"
  local work
  work=$(mktemp -d)
  chmod 755 "$work"
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root slurmctld slurmd slurm-client slurm-wlm-basic-plugins \
    munge libmunge2 libhwloc15 liblua5.1-0 libnuma1) || fail "apt-get could not fetch Slurm: run 'apt-get update' and try again"
  for package in "$work"/*.deb; do dpkg -x "$package" "$work/tree"; done
  rm -rf "$tools"
  mv "$work/tree" "$tools"
  rm -rf "$work"
}

if [ "${1:-}" != inside ]; then
  command -v dpkg >/dev/null || fail "Slurm comes from Debian's packages, and this system has no dpkg"
  unpack
  NODES=3 exec scripts/nodes.sh unshare --mount --pid --fork --kill-child --mount-proc scripts/slurm.sh inside
fi

libraries=$(echo "$tools"/usr/lib/*-linux-*)
slurm() { LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm "$tools/usr/$1" "${@:2}"; }
# What is seen by nobody outside of this namespace, and goes with it.
readonly folder=/mnt
mount -t tmpfs e2e-slurm "$folder"
mkdir "$folder"/{munge,state}
# The cluster's key is made here and ends here.
head -c 1024 /dev/urandom >"$folder/munge/key"
chmod 400 "$folder/munge/key"
slurm sbin/munged --foreground --socket "$folder/munge/socket" --key-file "$folder/munge/key" --pid-file "$folder/munge/pid" \
  --seed-file "$folder/munge/seed" --log-file "$folder/munge/log" >"$folder/munged.log" 2>&1 &

read -r port port1 port2 port3 < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in held))')
host=$(hostname -s)
cat >"$folder/slurm.conf" <<TEXT
ClusterName=e2e
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
# Ports of loopback alone.
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
PluginDir=$libraries/slurm-wlm
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog=$folder/prolog
MpiDefault=none
MailProg=/bin/true
# A node has one task at a time.
SelectType=select/linear
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$port1 State=UNKNOWN
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$port2 State=UNKNOWN
NodeName=node3 NodeHostname=$host NodeAddr=127.0.0.1 Port=$port3 State=UNKNOWN
PartitionName=e2e Nodes=node[1-3] Default=YES State=UP MaxTime=60
TEXT
# Each node's own engine: on a cluster of machines that is the one of its socket, and nothing says so.
cat >"$folder/prolog" <<'TEXT'
#!/bin/bash
hosts=($E2E_ENGINE_HOSTS)
echo "export DOCKER_HOST=${hosts[${SLURMD_NODENAME#node} - 1]}"
TEXT
chmod 755 "$folder/prolog"
export SLURM_CONF=$folder/slurm.conf

logs() { tail -n 8 "$folder"/munged.log "$folder"/munge/log "$folder"/*.out "$folder"/slurmctld.log "$folder"/node?.log 2>/dev/null || true; }
for _ in $(seq 100); do [ ! -S "$folder/munge/socket" ] || break; sleep 0.1; done
[ -S "$folder/munge/socket" ] || fail "munged has no socket after 10 s:" "$(logs)"
slurm sbin/slurmctld-wlm -D >"$folder/slurmctld.out" 2>&1 &
for node in node1 node2 node3; do
  slurm sbin/slurmd-wlm -D -N "$node" -d "$tools/usr/sbin/slurmstepd-wlm" >"$folder/$node.out" 2>&1 &
done
for _ in $(seq 300); do
  [ "$(slurm bin/sinfo --noheader --Node --format '%T' 2>/dev/null | grep -c '^idle$')" != 3 ] || break
  sleep 0.2
done
[ "$(slurm bin/sinfo --noheader --Node --format '%T' | grep -c '^idle$')" = 3 ] || fail "the three nodes are not idle after 60 s:" "$(logs)"

# What sbatch needs is not the jobs'.
export SBATCH_EXPORT=ALL,LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
unset E2E_ENGINES DOCKER_HOST
rm -rf .build/e2e-shard-* .build/e2e-merged .build/slurm-*.log
scripts/recipe.py slurm >"$folder/shards.sbatch"
status=0
job=$(slurm bin/sbatch --parsable --wait "$folder/shards.sbatch") || status=$?
[[ ${job:-} =~ ^[0-9]+$ ]] || fail "sbatch took no job:" "$(logs)"
tail -n 4 .build/slurm-[0-9].log || fail "the job $job has left no log:" "$(logs)"
merged=0
slurm bin/sbatch --parsable --wait --dependency="afterany:$job" --output=.build/slurm-merge.log \
  --wrap ".build/debug/dubbing-report merge .build/e2e-shard-*" >/dev/null || merged=$?
cat .build/slurm-merge.log
[ "$((status > 0))" = "$((merged > 0))" ] || fail "the tasks ended with $status, and what was merged of them with $merged"
scripts/check-shards.py --apart .build/e2e-merged .build/e2e-shard-*
exit "$merged"
