#!/usr/bin/env bash
# sox 14.4.2+git20190427-3.5 (Debian 12).
# Run: a second of zeros, 16 bit at 48 kHz, brought to 16 kHz; then the same of a quiet tone, twice.
# Seen: of 16,000 samples about 4,000 are no longer zero; and the two tones differ. With -D the zeros stay zeros, with -R the tones are the same.
# Surprising: changing the rate dithers, silence included, and the noise is new in each run although -R ("same on each run") is called the default in
#   many places. A silence that is looked for by zeros is not found; a hash or a byte-wise comparison of what a service makes is never the same twice.
# What to do: -D where silence or repetition matters; -R where the noise may stay.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download sox=14.4.2+git20190427-3.5 libsox3=14.4.2+git20190427-3.5 libltdl7=2.4.7-7~deb12u1
for package in ./*.deb; do dpkg -x "$package" root; done
form=(-t raw -e signed -b 16 -c 1)
lower() {  # options, from, to
  # shellcheck disable=SC2086
  LD_LIBRARY_PATH=$PWD/root/usr/lib/x86_64-linux-gnu root/usr/bin/sox $1 "${form[@]}" -r 48000 "$2" "${form[@]}" -r 16000 "$3"
}
python3 - <<'PY'
import array, math
array.array("h", bytes(96000)).tofile(open("zeros", "wb"))
array.array("h", [round(30 * math.sin(i / 17)) for i in range(48000)]).tofile(open("tone", "wb"))
PY
lower "" zeros noisy
lower -D zeros silent
for run in 1 2; do lower "" tone "tone$run"; lower -R tone "repeated$run"; done
seen=$(python3 - <<'PY'
import array
def count(name):
    samples = array.array("h", open(name, "rb").read())
    return sum(1 for sample in samples if sample), len(samples)
def same(name):
    return "the same" if open(name + "1", "rb").read() == open(name + "2", "rb").read() else "different"
noise, all_of_it = count("noisy")
print(f"{'thousands' if noise > 1000 else noise} of {all_of_it} not zero, with -D {count('silent')[0]}; twice: {same('tone')}, with -R {same('repeated')}")
PY
)
wanted="thousands of 16000 not zero, with -D 0; twice: different, with -R the same"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
