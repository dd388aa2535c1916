#!/usr/bin/env bash
# Runs the Python tests of relay, worker and STS inside the images that they are about.
set -uo pipefail
cd "$(dirname "$0")/../compose"

status=0
for part in relay worker sts; do
  container=e2e-tests-$part-$$
  log=$(mktemp)
  # Tests are copied in rather than mounted, so that a remote engine works too.
  docker create --name "$container" --workdir /tmp/part --entrypoint python3 "e2e-$part:local" \
    -m unittest discover -s tests -t . >/dev/null &&
    tar -c -C "$part" "$part" tests | docker cp - "$container:/tmp/part" &&
    docker start --attach "$container" >"$log" 2>&1
  result=$?
  docker rm --force "$container" >/dev/null 2>&1
  # A test that is skipped inside its own image would count for nothing.
  if [ "$result" != 0 ] || grep -q 'skipped=' "$log" || ! grep -qE '^Ran [1-9]' "$log"; then
    echo "python tests of compose/$part FAILED:" >&2
    cat "$log" >&2
    status=1
  else
    echo "python tests of compose/$part: $(grep -E '^Ran ' "$log"), passed"
  fi
  rm -f "$log"
done
exit "$status"
