#!/usr/bin/env bash
# Checks the recipes of docs/shard-recipes.md against the schedulers' schemas, as far as that goes without the schedulers.
set -euo pipefail
cd "$(dirname "$0")/.."

work=.build/recipes
rm -rf "$work"
mkdir -p "$work"
# Each block that says which recipe it is becomes a file of that name.
python3 - docs/shard-recipes.md "$work" <<'EOF'
import pathlib, re, sys
page, folder = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"), pathlib.Path(sys.argv[2])
for block in re.findall(r"^```(?:yaml|bash)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
    if name := re.search(r"^# recipe: ([a-z-]+)", block, re.MULTILINE):
        (folder / name.group(1)).write_text(block, encoding="utf-8")
EOF
tools=.build/recipe-tools
if [ ! -x "$tools/bin/check-jsonschema" ]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet check-jsonschema==0.39.0 kubernetes-validate==1.37.0
fi

checked=0
check() {
  local recipe=$1
  shift
  [ -s "$work/$recipe" ] || { echo "recipes: docs/shard-recipes.md has no recipe '$recipe'" >&2; exit 1; }
  "$@" "$work/$recipe" >"$work/$recipe.log" 2>&1 || { cat "$work/$recipe.log" >&2; echo "recipes: $recipe is wrong: $*" >&2; exit 1; }
  checked=$((checked + 1))
  echo "recipes: $recipe passes: $*"
}
for recipe in github-workflows gitlab-ci circle-ci buildkite; do
  check "$recipe" "$tools/bin/check-jsonschema" --default-filetype yaml --builtin-schema "vendor.$recipe"
done
check kubernetes "$tools/bin/kubernetes-validate" --strict --kubernetes-version 1.33
check slurm bash -n
if docker stack config --help >/dev/null 2>&1; then
  check swarm docker stack config --compose-file
else
  echo "recipes: NOT RUN: swarm (no 'docker stack config' here)"
fi
echo "recipes: $checked checked"
