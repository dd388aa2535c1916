#!/usr/bin/env bash
# Runs a command with the engines of some nodes (scripts/remote-engine.sh), each of which has the images of both projects already.
#   scripts/nodes.sh COMMAND…            NODES=3 ENGINE_CPUS=0.6: how many, and cores for the containers of each together, empty: as many as there are
# This machine's own engine gives its images away and does nothing else. All of it ends with this script, however that ends. Linux, root.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly NODES=${NODES:-3} ENGINE_CPUS=${ENGINE_CPUS-0.6}

fail() { printf 'nodes: %s\n' "$@" >&2; exit 1; }

if [ "${1:-}" != --inside ]; then
  [ $# -gt 0 ] || fail "no command: scripts/nodes.sh COMMAND…"
  # The nodes build nothing.
  readonly images=("${E2E_BASE_IMAGE:-e2e-base:bookworm}" e2e-relay:local e2e-worker:local e2e-sts:local)
  docker image inspect "${images[@]}" >/dev/null 2>&1 || fail "these images are not all here: ${images[*]}" "run make images"
  # A file without a name: it is gone when nobody reads it any more.
  archive=$(mktemp /tmp/e2e-nodes-XXXXXX)
  exec 5<"$archive"
  docker save "${images[@]}" >"$archive" || { rm "$archive"; fail "the images cannot be saved (see above)"; }
  rm "$archive"
  exec scripts/remote-engine.sh --engines "$NODES" ${ENGINE_CPUS:+--cpus "$ENGINE_CPUS"} scripts/nodes.sh --inside "$@"
fi

shift
loads=()
for host in $E2E_ENGINE_HOSTS; do
  # Opened anew: each reads from the beginning.
  docker -H "$host" load --quiet </proc/self/fd/5 >/dev/null &
  loads+=($!)
done
for load in "${loads[@]}"; do wait "$load" || fail "the images do not get to the nodes (see above)"; done
exec 5<&-
exec "$@"
