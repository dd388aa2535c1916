#!/usr/bin/env bash
# Runs E2E tests whose streams are spread over engines of their own, and takes one of them away in the middle: the verdict must be the
# same, and the report must say so. Linux, root. Arguments go to scripts/e2e.sh.
#   E2E_POOL=3 scripts/pool.sh --skip-build --filter StreamFaults
#   E2E_POOL_KILL=0: all engines stay; =silent: the last one is there and answers no more, as a machine behind a network that drops all;
#   E2E_POOL_DEFAULT=1: this machine's own engine is the first of them; E2E_POOL_CPUS=0.5: what the containers of each other may use
set -uo pipefail
cd "$(dirname "$0")/.."

if [ -z "${E2E_ENGINE_CONTEXTS:-}" ]; then
  exec scripts/remote-engine.sh --engines "${E2E_POOL:-2}" ${E2E_POOL_CPUS:+--cpus "$E2E_POOL_CPUS"} "$0" "$@"
fi

report_dir=${E2E_REPORT_DIR:-.build/e2e}
log=$report_dir/test.log
read -r -a pids <<<"$E2E_ENGINE_PIDS"
last=${#pids[@]}
# The engines are those of E2E_ENGINES, and this user's own is not among them.
unset DOCKER_HOST
rm -f "$log"
E2E_ENGINES=${E2E_POOL_DEFAULT:+default,}$E2E_ENGINE_CONTEXTS scripts/e2e.sh "$@" &
tests=$!
trap 'kill "$tests" 2>/dev/null' EXIT
if [ "${E2E_POOL_KILL:-1}" != 0 ]; then
  # Once the last engine has a stream: its environment is up, and something is published there.
  engine=${E2E_ENGINE_CONTEXTS##*,}
  until grep -qs "publishing .* on $engine" "$log"; do
    kill -0 "$tests" 2>/dev/null || break
    sleep 0.2
  done
  sleep 3
  echo "pool: engine $engine goes away now"
  if [ "${E2E_POOL_KILL:-}" = silent ]; then
    # In both directions, and also what is under way.
    for chain in INPUT OUTPUT; do
      nsenter --target "${pids[$((last - 1))]}" --net iptables --insert "$chain" --jump DROP
    done
  else
    kill -KILL "${pids[$((last - 1))]}"
  fi
fi
wait "$tests"
status=$?
trap - EXIT
[ "${E2E_POOL_KILL:-1}" != 0 ] || exit "$status"
[ "$status" = 0 ] || { echo "pool: the verdict is not what it is with all engines" >&2; exit 1; }
python3 - "$report_dir/report.json" "$engine" <<'END'
import json, sys
report, engine = json.load(open(sys.argv[1])), sys.argv[2]
gone = [e for e in report.get("engines", []) if e.get("lost")]
again = [s for s in report["streams"] if s.get("lost_engine") == engine]
cases = report.get("cases", [])
unrun = [c for c in cases if c["outcome"] == "not run"]
print(f"pool: {len(report['streams'])} streams, {len(again)} of them run again after {engine} went away, "
      f"{len(cases)} cases, {len(unrun)} not run, {report['total_s']:.0f} s")
if [e["context"] for e in gone] != [engine]: sys.exit(f"pool: the report names {gone} as gone, and not {engine}")
if not again: sys.exit("pool: no stream was run again: was the engine taken away too late?")
if unrun: sys.exit(f"pool: cases were lost: {unrun}")
END
