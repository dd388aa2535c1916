#!/usr/bin/env bash
# What somebody who uses an earlier version would have to change: the public API of all libraries beside that of a tag, or of any commit.
#   scripts/api.sh             the last tag; where there is none it says NOT RUN
#   scripts/api.sh 3c5592d
set -euo pipefail
cd "$(dirname "$0")/.."

base=${1:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
[ -n "$base" ] || { echo "api: NOT RUN: no tag to compare with"; exit 0; }
# What the changelog announces: a line for each, as the command prints it. The other commit is built once, and what it declared is kept.
swift package diagnose-api-breaking-changes "$base" --baseline-dir .build/api --breakage-allowlist-path .github/api-breakages.txt
