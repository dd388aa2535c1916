#!/usr/bin/env bash
# Runs the Python tests of relay, worker and STS, and of the second pair, inside the images that they are about.
set -uo pipefail
cd "$(dirname "$0")/../compose"

#   scripts/container-tests.sh          the standard images
#   scripts/container-tests.sh models   the STS image with real weights
# run PART[:PACKAGE] FOLDER [OPTION…]: one discovery in a fresh container; tests are copied in, not mounted, so that a remote engine
# works too. PACKAGE is the folder's, where it has another name than the part.
run() {
  local part=${1%:*} package folder=$2 image container log
  package=$(basename "${1#*:}")
  image=e2e-${part//\//-}
  container=e2e-tests-${part//\//-}-$BASHPID
  log=$(mktemp)
  docker create --name "$container" --workdir /tmp/part --entrypoint "${python:-python3}" "${tested:-$image:local}" \
    -m unittest discover -s "$folder" "${@:3}" >/dev/null &&
    tar -c -C "$part" "$package" tests | docker cp - "$container:/tmp/part" &&
    docker start --attach "$container" >"$log" 2>&1
  local result=$?
  docker rm --force "$container" >/dev/null 2>&1
  # A test that is skipped inside its own image would count for nothing.
  if [ "$result" != 0 ] || grep -q 'skipped=' "$log" || ! grep -qE '^Ran [1-9]' "$log"; then
    echo "python tests in compose/$part/$folder FAILED:" >&2
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  echo "python tests in compose/$part/$folder: $(grep -E '^Ran ' "$log"), passed"
  rm -f "$log"
}

status=0
if [ "${1:-}" = models ]; then
  python=/app/venv/bin/python tested=${STS_MODELS_IMAGE:-e2e-sts-models:local}
  run sts tests/weights || status=1
  exit "$status"
fi
# Side by side: they wait for streams and for one another's time-outs most of the time.
running=()
run relay tests -t . & running+=($!)
run sts tests -t . & running+=($!)
run worker tests -t . & running+=($!)
run worker tests/in_image & running+=($!)
run second/worker:dubber tests -t . & running+=($!)
run second/sts:speaker tests -t . & running+=($!)
for each in "${running[@]}"; do wait "$each" || status=1; done
exit "$status"
