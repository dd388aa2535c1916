#!/usr/bin/env bash
# Runs ComposeKit's engine tests in which releases of compose differ most, with any compose program:
#   scripts/compose-tests.sh PROGRAM [quick|test] [SWIFT TEST OPTION…]
# PROGRAM is docker-compose of any generation, by name or path; `docker compose` if it is empty. DOCKER_HOST chooses the engine, as always.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${1:-docker compose}
suites=${2:-quick}
case $suites in
  # Each command of 1.29 takes a second or more, so that all of the suites take minutes.
  quick) tests='(StartEngineTests/(dependencies|description)|FailureEngineTests/(missingImage|neverPulled|portOfContainer)|FirstGenerationTests)' ;;
  test | all) tests='(StartEngineTests|FailureEngineTests|FirstGenerationTests)' ;;
  *) echo "compose-tests: $suites is neither quick nor test" >&2; exit 2 ;;
esac
# Split into words, as COMPOSE_COMMAND is.
read -ra words <<<"$program"
version=$("${words[@]}" version --short) || { echo "compose-tests: $program does not run" >&2; exit 1; }
echo "compose-tests: compose $version, $suites"
exec env COMPOSE_COMMAND="$program" swift test --filter "ComposeKitTests\.$tests" "${@:3}"
