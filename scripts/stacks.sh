#!/usr/bin/env bash
# Both projects on the contract's ports, for work by hand: scripts/stacks.sh build|up|down|logs
set -euo pipefail
cd "$(dirname "$0")/.."

compose=(docker compose)
docker compose version >/dev/null 2>&1 || compose=(docker-compose)
media=("${compose[@]}" -p e2e-media-019 -f compose/media.yml)
sts=("${compose[@]}" -p e2e-sts-019 -f compose/sts.yml)

# Where containers find the host: STS is published there and on loopback, nowhere else.
HOST_GATEWAY=${HOST_GATEWAY:-$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}' 2>/dev/null || echo 172.17.0.1)}
export HOST_GATEWAY

case "${1:-}" in
  build)
    "${sts[@]}" build --quiet
    "${media[@]}" build --quiet
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
    echo "usage: scripts/stacks.sh build|up|down|logs" >&2
    exit 2
    ;;
esac
