#!/usr/bin/env bash
# apertium 3.8.3-1+b2, lttoolbox 3.7.1-1+b2, apertium-lex-tools 0.4.2-2, apertium-eng-spa 0.8.1-2 (Debian 12).
# Run: the steps of the eng-spa mode on "I want to eat." and "i want to eat.", "We do not know." and "we do not know.", "twenty-one." and "twenty one."
# Seen: "Quiero comer." but "*i Quiere comer.": the pronoun unknown, the verb in the third person. "we" is translated like "We". "Veintiún." but "Veinte un."
# Surprising: speech recognisers write lower case without hyphens, and only the one word that is a capital on its own breaks, and takes the verb's
#   person with it: "I want" becomes "he wants". The asterisk is the only sign.
# What to do: write I for i, and twenty-one for twenty one, before translating; treat an asterisk in the result as a failure.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download apertium=3.8.3-1+b2 libapertium3=3.8.3-1+b2 lttoolbox=3.7.1-1+b2 liblttoolbox3=3.7.1-1+b2 \
  apertium-lex-tools=0.4.2-2 libapertium-lex-tools1=0.4.2-2 libirstlm1=6.00.05-3+b1 apertium-eng-spa=0.8.1-2
for package in ./*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$PWD/root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH PATH="$PWD/root/usr/bin:$PATH"
data=root/usr/share/apertium/apertium-eng-spa
# What the mode file of the package runs, with the data where they were unpacked.
translate() {
  lt-proc $data/eng-spa.automorf.bin | apertium-tagger -g $data/eng-spa.prob | apertium-pretransfer |
    apertium-transfer -n $data/apertium-eng-spa.eng-spa.genitive.t1x $data/eng-spa.genitive.bin | lt-proc -b $data/eng-spa.autobil.bin |
    lrx-proc -m $data/eng-spa.autolex.bin | apertium-transfer -b $data/apertium-eng-spa.eng-spa.t1x $data/eng-spa.t1x.bin |
    apertium-interchunk $data/apertium-eng-spa.eng-spa.t2x $data/eng-spa.t2x.bin |
    apertium-postchunk $data/apertium-eng-spa.eng-spa.t3x $data/eng-spa.t3x.bin | lt-proc -g $data/eng-spa.autogen.bin | lt-proc -p $data/eng-spa.autopgen.bin
}
seen=$(for text in "I want to eat." "i want to eat." "We do not know." "we do not know." "twenty-one." "twenty one."; do
  echo "$text =$(echo "$text" | translate | sed 's/^ */ /')"
done)
wanted="I want to eat. = Quiero comer.
i want to eat. = *i Quiere comer.
We do not know. = No sabemos.
we do not know. = No sabemos.
twenty-one. = Veintiún.
twenty one. = Veinte un."
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
