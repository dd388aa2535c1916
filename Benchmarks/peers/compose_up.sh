#!/usr/bin/env bash
# Raw `docker compose up --wait`, with the trap that a careful user writes. usage: compose_up.sh PROJECT FILE
# Says as JSON lines when it is ready or has failed, as every compose peer does.
set -u
readonly project=$1 file=$2
compose() { docker compose -p "$project" -f "$file" "$@"; }
trap 'compose down --volumes >/dev/null 2>&1' EXIT
say() { printf '{"event": "%s", "time": %s}\n' "$1" "${EPOCHREALTIME/,/.}"; }

if compose up --detach --wait >&2; then say ready; else say error; exit 1; fi
