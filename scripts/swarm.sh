#!/usr/bin/env bash
# Runs the recipe for Docker Swarm (docs/shard-recipes.md) as it stands there, on a swarm of its own: three docker engines, each in a
# network namespace (scripts/nodes.sh), of which the first is the manager. Then looks whether each case was run once.
#   E2E_TAGS=pipeline ENGINE_CPUS=0.5 scripts/swarm.sh      ENGINE_CPUS (0.6): cores for the containers of a node together, its task's too
# All of it ends with the script, however that ends. Linux, root.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'swarm: %s\n' "$@" >&2; exit 1; }
[ "${1:-}" = inside ] || NODES=3 exec scripts/nodes.sh scripts/swarm.sh inside

read -ra hosts <<<"$E2E_ENGINE_HOSTS"
read -ra pids <<<"$E2E_ENGINE_PIDS"
node() { docker -H "${hosts[$1]}" "${@:2}"; }
# The nodes' own network, in which this machine has no part: its firewall lets nothing pass from one engine to another.
coproc between { exec unshare --net sh -c 'ip link add cluster type bridge && ip link set cluster up && echo ready && read -r end' 2>&1; }
read -r word <&"${between[0]}" && [ "$word" = ready ] || fail "there is no network for the nodes: ${word:-}"
for i in 0 1 2; do
  ip link add name "node$i" netns "$between_PID" type veth peer name cluster netns "${pids[i]}"
  nsenter --target "$between_PID" --net ip link set "node$i" master cluster up
  nsenter --target "${pids[i]}" --net sh -c "ip address add 10.215.0.$((i + 1))/24 dev cluster && ip link set cluster up"
done
unset DOCKER_HOST E2E_ENGINES
node 0 swarm init --advertise-addr 10.215.0.1 --listen-addr 10.215.0.1:2377 --default-addr-pool 10.216.0.0/16 >/dev/null
token=$(node 0 swarm join-token --quiet worker)
for i in 1 2; do
  node "$i" swarm join --token "$token" --advertise-addr "10.215.0.$((i + 1))" --listen-addr "10.215.0.$((i + 1)):2377" 10.215.0.1:2377 >/dev/null
done
# What an earlier run left would pass for this one's.
rm -rf .build/e2e-shard-* .build/e2e-merged
scripts/recipe.py swarm | node 0 stack deploy --compose-file - --resolve-image never e2e

tasks() { node 0 inspect $(node 0 service ps --quiet e2e_shard) --format '{{.NodeID}} {{.Status.State}} {{.Status.Err}}'; }
for _ in $(seq 900); do
  ended=$(tasks | grep -cE '^[a-z0-9]+ (complete|failed|rejected|orphaned|shutdown)' || true)
  [ "$ended" -lt 3 ] || break
  sleep 2
done
said=$(node 0 service logs --raw e2e_shard 2>&1 | grep -E '^(e2e: [✔✘PF]|. Test run with)' | sort) || true
echo "$said"
# One that fails is run again, and then there are more than three.
[ "$(tasks | grep -c ' complete ')/$(tasks | wc -l)" = 3/3 ] || fail "not each of the three tasks has run once to its end within half an hour:" "$(tasks)" "$(node 0 node ls)"
[ "$(tasks | cut -d ' ' -f 1 | sort -u | wc -l)" = 3 ] || fail "the tasks were not on three nodes:" "$(tasks)"
merged=0
.build/debug/dubbing-report merge .build/e2e-shard-* || merged=$?
failed=$(grep -c '^e2e: FAILED' <<<"$said") || true
[ "$((failed > 0))" = "$((merged > 0))" ] || fail "$failed of the tasks said that they failed, and what was merged of them ended with $merged"
scripts/check-shards.py .build/e2e-merged .build/e2e-shard-*
exit "$merged"
