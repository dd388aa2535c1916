#!/usr/bin/env bash
# Evaluates AudioPrint beside the seed's hash and Chromaprint, and writes .build/eval/results.json; what it generates is kept there.
#   scripts/eval.sh          the whole set
#   QUICK=1 scripts/eval.sh  a part of it, in three minutes: says that it works, not how well
#   SOURCES=8 scripts/eval.sh  the first 8 of the 20 sources
#   ONLY=jingles scripts/eval.sh  the sources whose names hold this
#   PART=breaks scripts/eval.sh  breaks put into known sound, and hours without any (ROUNDS=2, MINUTES=9 of each source and codec);
#                            HALF=tuning: only the sources that thresholds may be fixed on. Started again, it goes on where it was
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
command -v flite >/dev/null 2>&1 || packages+=(flite)
command -v espeak-ng >/dev/null 2>&1 || packages+=(espeak-ng)
command -v fpcalc >/dev/null 2>&1 || packages+=(libchromaprint-tools)
command -v ffmpeg >/dev/null 2>&1 || packages+=(ffmpeg)
if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "eval: installing ${packages[*]}" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  else
    printf 'eval: these are missing: %s\neval: run  sudo apt-get install %s\n' "${packages[*]}" "${packages[*]}" >&2
    exit 1
  fi
fi

mkdir -p .build/eval
swift build -c release --package-path Evaluation --scratch-path .build/evaluation --product Evaluation >&2
arguments=()
[ -z "${QUICK:-}" ] || arguments+=(--quick)
[ -z "${SOURCES:-}" ] || arguments+=("--sources=$SOURCES")
[ -z "${ONLY:-}" ] || arguments+=("--only=$ONLY")
[ "${PART:-}" != breaks ] || arguments+=(--breaks)
[ "${HALF:-}" != tuning ] || arguments+=(--tuning)
[ -z "${ROUNDS:-}" ] || arguments+=("--rounds=$ROUNDS")
[ -z "${MINUTES:-}" ] || arguments+=("--minutes=$MINUTES")
exec .build/evaluation/release/Evaluation .build/eval "${arguments[@]}"
