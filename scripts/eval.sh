#!/usr/bin/env bash
# Evaluates AudioPrint beside the seed's hash and Chromaprint, and writes .build/eval/results.json; what it generates is kept there.
#   scripts/eval.sh          the whole set
#   QUICK=1 scripts/eval.sh  a part of it, in three minutes: says that it works, not how well
#   SOURCES=8 scripts/eval.sh  the first 8 of the 20 sources
#   ONLY=jingles scripts/eval.sh  the sources whose names hold this
#   PART=breaks scripts/eval.sh  breaks put into known sound, and hours without any (ROUNDS=2, MINUTES=9 of each source and codec);
#                            HALF=tuning: only the sources that thresholds may be fixed on. Started again, it goes on where it was; what
#                            is known so far is in .build/eval/breaks.txt. Then other measures on the same sounds (PEERS=0: without)
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
.build/evaluation/release/Evaluation .build/eval "${arguments[@]}"

[ "${PART:-}" = breaks ] && [ "${PEERS:-1}" != 0 ] || exit 0
readonly venv=.build/eval-venv requirements=Evaluation/peers/requirements.txt
if ! cmp -s "$requirements" "$venv/.requirements"; then
  echo "eval: installing the peers of $requirements into $venv" >&2
  rm -rf "$venv"
  python3 -m venv "$venv"
  # Each by itself: one that has no wheel here leaves the others.
  grep -v '^#' "$requirements" | while read -r peer; do
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$peer" "$(grep '^numpy' "$requirements")" ||
      echo "eval: $peer is left out: pip could not install it" >&2
  done
  cp "$requirements" "$venv/.requirements"
fi
"$venv/bin/python" Evaluation/peers/breaks.py .build/eval
