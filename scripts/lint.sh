#!/usr/bin/env bash
# Formatting of Swift, syntax of shell and Python, files that have grown too long, copies that differ, circles between folders, public
# declarations without documentation, tests that reach past `package`, and what the documentation says.
set -euo pipefail
cd "$(dirname "$0")/.."

swift format lint --strict -r -p --configuration .swift-format Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources Evaluation/Package.swift Evaluation/Sources Evaluation/Tests LibAV Fuzzing/Package.swift Fuzzing/Sources/{Fuzz,FuzzAudio,Driver} examples/*/Package.swift examples/*/Tests
while read -r script; do bash -n "$script"; done < <(git ls-files -- '*.sh' .ci/run)
git ls-files -z -- '*.py' | xargs -0 -r python3 -c '
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path, encoding="utf-8").read(), path)'
long=$(git ls-files -z -- '*.swift' '*.py' | xargs -0 -r wc -l | awk '$2 != "total" && $1 > 400 { print "  " $2 " (" $1 " lines)" }')
if [ -n "$long" ]; then
  printf 'lint: files over 400 lines, each hides a second noun:\n%s\n' "$long" >&2
  exit 1
fi
# Each image is built from a folder of its own, so each has its own copy.
for copy in relay worker; do
  cmp -s compose/sts/healthcheck "compose/$copy/healthcheck" || { echo "lint: compose/$copy/healthcheck differs from compose/sts/healthcheck: copy the right one over the other" >&2; exit 1; }
done
# What a test reaches only so is a sign of a type that wants to be its own; and such a test does not build in release.
# A blank in it would come out as %20, and no file is called that.
if git grep -nF '.path()' -- Sources; then
  echo "lint: URL.path() escapes what is no letter; a file's name is path(percentEncoded: false)" >&2
  exit 1
fi
testable=$(git grep -lE '^ *@testable import' -- Tests | wc -l)
[ "$testable" -le 15 ] || { echo "lint: @testable import in $testable files of Tests, 15 are the most: make what the test needs \`package\`" >&2; exit 1; }
scripts/check-folders.py
scripts/check-public.py
scripts/check-docs.py
echo "lint: clean"
