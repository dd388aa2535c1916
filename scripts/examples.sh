#!/usr/bin/env bash
# Builds and runs the small packages of examples/ as somebody's own, from outside: ComposeKit alone, and a tap between two services alone.
# The third, own-pipeline, needs the images of a whole pipeline: `make example`.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
# Warnings of ours are errors where they arise; the examples are built as their users build them.
unset WARNINGS_AS_ERRORS LIBAV
# The versions that everything else here was tested with; without the file each package resolves its own.
for example in compose-alone tap-alone; do
  [ ! -f Package.resolved ] || cp Package.resolved "examples/$example/"
done

(cd examples/compose-alone && EXAMPLE_IMAGE=${E2E_BASE_IMAGE:-e2e-base:bookworm} swift test)
# What docs/modules.md promises to who uses ComposeKit alone. Planning leaves a folder of every target; only what is compiled leaves objects.
built=examples/compose-alone/.build/debug
others=$(find "$built/" \( -path '*/CNIOBoringSSL*.build/*' -o -path '*/SocketIOLite*.build/*' -o -path '*/AudioPrint*.build/*' \) -name '*.o')
[ -n "$(find "$built/ComposeKit.build/" -name '*.o')" ] || { echo "examples: no object of ComposeKit in $built: looked in the wrong place" >&2; exit 1; }
[ -z "$others" ] || { printf 'examples: ComposeKit alone made these, too:\n%s\n' "$others" >&2; exit 1; }

(cd examples/tap-alone && PYTHON="$root/.build/peers-venv/bin/python" swift test)
echo "examples: both passed"
