#!/usr/bin/env bash
# Checks CI's own files (.github) and the recipes of docs/shard-recipes.md against the schemas of who reads them, as far as that goes
# without them. What checks comes from PyPI, with its schemas, into a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

work=.build/schemas
rm -rf "$work"
mkdir -p "$work"
packages=(check-jsonschema==0.39.0 kubernetes-validate==1.37.0)
tools=.build/schema-tools
if [ "$(cat "$tools/packages" 2>/dev/null)" != "${packages[*]}" ]; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet "${packages[@]}"
  echo "${packages[*]}" >"$tools/packages"
fi

checked=0
check() {  # file, command…
  local file=$1
  shift
  [ -s "$file" ] || { echo "schemas: there is no $file" >&2; exit 1; }
  "$@" "$file" >"$work/log" 2>&1 || { cat "$work/log" >&2; echo "schemas: $file is wrong: $*" >&2; exit 1; }
  checked=$((checked + 1))
  echo "schemas: $file passes: $*"
}
schema() { check "$2" "$tools/bin/check-jsonschema" --default-filetype yaml --builtin-schema "vendor.$1"; }

for workflow in .github/workflows/*.yml; do
  schema github-workflows "$workflow"
done
schema dependabot .github/dependabot.yml
for recipe in github-workflows gitlab-ci circle-ci buildkite kubernetes slurm swarm; do
  scripts/recipe.py "$recipe" >"$work/$recipe"
done
for recipe in github-workflows gitlab-ci circle-ci buildkite; do
  schema "$recipe" "$work/$recipe"
done
check "$work/kubernetes" "$tools/bin/kubernetes-validate" --strict --kubernetes-version 1.33
check "$work/slurm" bash -n
if docker stack config --help >/dev/null 2>&1; then
  check "$work/swarm" docker stack config --compose-file
else
  echo "schemas: NOT RUN: swarm (no 'docker stack config' here)"
fi
echo "schemas: $checked checked"
