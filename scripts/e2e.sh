#!/usr/bin/env bash
# Runs the E2E tests and says what happened. Arguments go to `swift test`; E2E_TAGS narrows by tag.
#   scripts/e2e.sh --built --filter E2E      the program that `swift build --build-tests` has made: any number of runs may share that build,
#                                            which `swift test` keeps for itself
set -uo pipefail
cd "$(dirname "$0")/.."

test=(swift test) built=
if [ "${1:-}" = --built ]; then
  shift
  built=$(echo .build/debug/*PackageTests.xctest)
  [ -x "$built" ] || { echo "e2e: there is no $built: run 'swift build --build-tests' first" >&2; exit 1; }
  # The log is read by programs, which pass over what is coloured.
  test=(env NO_COLOR=1 "$built" --testing-library swift-testing)
fi
report_dir=${E2E_REPORT_DIR:-.build/e2e}
# Durations of an earlier run may be in the very folder that is emptied.
earlier=${E2E_SHARD_BY:-}
[ ! -d "$earlier" ] || earlier=$earlier/report.json
if [ -f "$earlier" ] && [ "$(dirname "$earlier")" -ef "$report_dir" ]; then
  mkdir -p .build
  cp "$earlier" .build/e2e-earlier.json
  export E2E_SHARD_BY=$PWD/.build/e2e-earlier.json
fi
# What an earlier run left would pass for this one's.
rm -rf "$report_dir"
mkdir -p "$report_dir/attachments"
log=$report_dir/test.log

# What bug reports say to type: this run's settings, and another selection.
if [ -z "${E2E_RERUN:-}" ]; then
  E2E_RERUN="make e2e FILTER='{filter}'"
  for variable in E2E_ENGINES E2E_MAX_STREAMS E2E_FIRST_STREAMS E2E_PORTS E2E_FIXTURES E2E_COMPOSE E2E_STACK STS_PROVIDERS MEDIAMTX_BINARY MEDIAMTX_IMAGE MEDIA_SERVER; do
    [ -z "${!variable:-}" ] || E2E_RERUN="$variable=$(printf %q "${!variable}") $E2E_RERUN"
  done
fi
export E2E_RERUN

# What the services' own images are made from is there already.
export E2E_TAP_IMAGE=${E2E_TAP_IMAGE:-${E2E_BASE_IMAGE:-e2e-base:bookworm}}

if [ "${STS_PROVIDERS:-}" = models ]; then
  # Each environment loads models of its own, half a minute of all cores and 0.9 GB, and the streams of others wait meanwhile: no more of
  # them at once than nested suites need.
  export E2E_MAX_ENVIRONMENTS=${E2E_MAX_ENVIRONMENTS:-2}
  # Of two neural streams at once on two cores both are answered too late, which is known when it is too late: more than one only after
  # answers have shown that there is room.
  export E2E_FIRST_STREAMS=${E2E_FIRST_STREAMS:-1}
  # Whisper listens to the output, in a container of its own that reaches nothing.
  listen="docker run --rm --interactive --network none --read-only --tmpfs /tmp --cap-drop ALL --entrypoint /app/venv/bin/python"
  listen+=" --env STS_ASR=whisper --env STS_WHISPER_MODEL=/models/whisper-base ${STS_MODELS_IMAGE:-e2e-sts-models:local} -m sts.listen"
  export E2E_LISTENER=${E2E_LISTENER-$listen}
  # Faults and settings are no others with models.
  [ -n "${E2E_TAGS:-}" ] || export E2E_TAGS=models,pipeline,sts
fi

# The pipe below hides the terminal from the tests.
if [ -t 1 ] && [ -z "${CI:-}" ]; then
  export E2E_COLUMNS=${E2E_COLUMNS:-$(tput cols 2>/dev/null || true)}
fi

"${test[@]}" --attachments-path "$report_dir/attachments" --xunit-output "$report_dir/junit.xml" "$@" 2>&1 | tee -i "$log"
status=${PIPESTATUS[0]}
# EX_UNAVAILABLE: the program found no test, which `swift test` passes over.
[ "$status" != 69 ] || status=0
# Two frameworks, two files; there are no XCTests here.
[ ! -f "$report_dir/junit-swift-testing.xml" ] || mv -f "$report_dir/junit-swift-testing.xml" "$report_dir/junit.xml"

if [ "$status" = 0 ] && ! grep -qE 'Test run with [1-9][0-9]* tests? .*passed' "$log"; then
  echo "e2e: the selection ran no test: ${test[*]} $* (E2E_TAGS='${E2E_TAGS:-}')" >&2
  echo "e2e: tags: $(grep -rhoE '@Tag static var [A-Za-z]+' Tests/E2E | awk '{print $4}' | tr '\n' ' ')" >&2
  status=1
fi

if [ -f "$report_dir/report.json" ]; then
  echo
  # Built with the tests. The page gets what can be listened to only now: encoders would starve streams that are still dubbed.
  [ -n "$built" ] && tool=.build/debug/dubbing-report || tool=$(swift build --show-bin-path)/dubbing-report
  "$tool" page "$report_dir" || echo "e2e: the page has no players: try $tool page $report_dir" >&2
  "$tool" summary "$report_dir"
fi
[ "$status" = 0 ] && verdict="PASSED" || verdict="FAILED"
echo "e2e: $verdict; report $report_dir/report.json and $report_dir/index.html, JUnit $report_dir/junit.xml, recordings and events $report_dir/streams/"
exit "$status"
