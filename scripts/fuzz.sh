#!/usr/bin/env bash
# Fuzzes the protocol code of SocketIOLite and the PCM entry points of AudioPrint with libFuzzer, and says how many inputs each
# target took. Those that transform seconds of sound take milliseconds for each input: they get a thirtieth of RUNS, whole sessions a tenth.
#   scripts/fuzz.sh [RUNS] [TARGET…]   RUNS inputs for each target, 1,500,000 by default; all targets by default
# What was found worth keeping stays in .build/fuzz/corpus; an input that crashes, hangs or grows is left in .build/fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly runs=${1:-1500000}
shift || true
readonly protocol=(engineio socketio strings polling frames tap upgrade connection sessions assembly)
readonly audio=(fingerprint chromaprint) slow=(pcm similarity attribution continuity)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${protocol[@]}" "${audio[@]}" "${slow[@]}")
readonly work=.build/fuzz scratch=.build/fuzzing

# swiftc instruments, but its own driver would link libFuzzer's main beside the program's.
resources=$(dirname "$(dirname "$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')")")/lib/clang
LIBFUZZER=$(find "$resources" -name 'libclang_rt.fuzzer_no_main*.a' 2>/dev/null | { grep -E "$(uname -m)|osx" || true; } | head -n 1)
[ -n "$LIBFUZZER" ] || { echo "fuzz: this toolchain has no libFuzzer below $resources; install the one from swift.org" >&2; exit 1; }
export LIBFUZZER

mkdir -p "$work/found" "$scratch"
echo "fuzz: building in $scratch (some minutes the first time)"
product_of() { case " ${protocol[*]} " in *" $1 "*) echo Fuzz ;; *) echo FuzzAudio ;; esac; }
: >"$scratch/build.log"
for product in $(for target in "${targets[@]}"; do product_of "$target"; done | sort -u); do
  swift build -c release --package-path Fuzzing --scratch-path "$scratch" --product "$product" >>"$scratch/build.log" 2>&1 ||
    { tail -n 30 "$scratch/build.log" >&2; echo "fuzz: the build failed; all of it is in $scratch/build.log" >&2; exit 1; }
done

total=0
failed=()
for target in "${targets[@]}"; do
  mkdir -p "$work/corpus/$target"
  start=$SECONDS
  product=$(product_of "$target")
  count=$runs
  case " ${slow[*]} " in *" $target "*) count=$((runs / 30 + 1)) ;; esac
  # A whole tap with its HTTP: a thousand times as long as a packet.
  [ "$target" != sessions ] || count=$((runs / 10 + 1))
  if FUZZ_TARGET=$target SWIFT_BACKTRACE=enable=no "$scratch/release/$product" -runs="$count" -max_len=512 -timeout=10 -rss_limit_mb=600 -malloc_limit_mb=200 \
    -print_final_stats=1 -dict=Fuzzing/words.dict -artifact_prefix="$work/found/$target-" \
    "$work/corpus/$target" "Fuzzing/Seeds/$target" >"$work/$target.log" 2>&1; then outcome="nothing found"; else
    outcome="FAILED, see $work/$target.log"
    failed+=("$target")
  fi
  done=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
  peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$work/$target.log")
  total=$((total + ${done:-0}))
  printf 'fuzz: %-11s %10d inputs in %4d s, peak memory %4s MB: %s\n' "$target" "${done:-0}" $((SECONDS - start)) "${peak:-?}" "$outcome"
done
echo "fuzz: $total inputs in all"
[ ${#failed[@]} -eq 0 ] || { echo "fuzz: failed: ${failed[*]}; the inputs are in $work/found" >&2; exit 1; }
