#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2), libopus0 1.3.1-3, opus-tools 0.2-1+b1.
# Run: two minutes of speech with quiet notes under it, encoded with libopus at 24 kbit/s, decoded by ffmpeg's own decoder (the default), by ffmpeg
#   with libopus, and by opusdec.
# Seen: ffmpeg's own decoder is off by more than a tenth of full scale (150 % of the sound's RMS) for moments of a few milliseconds; libopus in ffmpeg
#   and opusdec agree to within 0.001. Levels and peaks of the whole are the same in all three.
# Surprising: both decoders are "Opus", and one is chosen without a word. The moments lie where the encoder, at such a bit rate, goes between its speech
#   and its music mode. A test that looks for clicks finds them in healthy recordings.
# What to do: -c:a libopus before -i, where ffmpeg -decoders lists it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v ffmpeg >/dev/null || { echo "not tried: no ffmpeg here" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download opus-tools=0.2-1+b1 libopusfile0=0.12-4 libopusenc0=0.2.1-2 libopus0=1.3.1-3
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.6.0 numpy==2.3.5
other=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
seen=$(OTHER=$other venv/bin/python - <<'PY'
import os, random, subprocess
import numpy as np

NOUNS = "teacher winter bridge river garden lantern market window island letter captain forest kitchen mountain station".split()
VERBS = "remembers crosses paints follows leaves finds closes carries visits forgets".split()
RATE, SECONDS = 16000, 60

def run(*command, given=None):
    env = {**os.environ, "LD_LIBRARY_PATH": "root/usr/lib/x86_64-linux-gnu"} if command[0].startswith("root/") else None
    return subprocess.run(command, input=given, capture_output=True, check=True, env=env).stdout

def level(sound, decibels):
    return sound * 10 ** (decibels / 20) / np.sqrt(np.mean(sound ** 2))

def sound(seed):
    chance = random.Random(seed)
    text = " ".join(
        f"The {chance.choice(NOUNS)} {chance.choice(VERBS)} the {chance.choice(NOUNS)} near the {chance.choice(NOUNS)}."
        for _ in range(SECONDS // 2))
    speech = np.frombuffer(run(
        "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"flite=voice=slt:text={text}", "-t", str(SECONDS),
        "-ar", str(RATE), "-ac", "1", "-f", "f32le", "-"), "<f4")
    notes = np.zeros(len(speech))
    for number in range(int(len(speech) / RATE / 0.3)):
        pitch, first = 262 * 2 ** (chance.randrange(24) / 12), int(0.3 * number * RATE)
        t = np.arange(min(RATE, len(notes) - first)) / RATE
        for harmonic in (1, 2, 3):
            notes[first:first + len(t)] += (
                0.1 / harmonic * np.minimum(1, t / 0.005) * np.exp(-3 * harmonic * t) * np.sin(2 * np.pi * pitch * harmonic * t))
    return (level(speech, -22) + level(notes, -34)).astype("<f4")

def decoded(program, decoder):
    return np.frombuffer(run(
        program, "-nostdin", "-v", "error", "-c:a", decoder, "-i", "coded.ogg", "-ac", "1", "-ar", "48000", "-f", "f32le", "-"), "<f4")

def most(one, other):
    length = min(len(one), len(other))
    assert abs(len(one) - len(other)) < 48000
    return np.abs(one[:length] - other[:length]).max()

off = {"5.1.9": 0.0, "7.0.2": 0.0}
apart = 0.0
for seed in (10, 17):
    run("ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-c:a", "libopus", "-b:a", "24k",
        "coded.ogg", given=sound(seed).tobytes())
    run("root/usr/bin/opusdec", "--quiet", "--float", "--rate", "48000", "coded.ogg", "plain.wav")
    reference = np.frombuffer(run("ffmpeg", "-nostdin", "-v", "error", "-i", "plain.wav", "-ac", "1", "-f", "f32le", "-"), "<f4")
    apart = max(apart, most(decoded("ffmpeg", "libopus"), reference))
    off["5.1.9"] = max(off["5.1.9"], most(decoded("ffmpeg", "opus"), reference))
    off["7.0.2"] = max(off["7.0.2"], most(decoded(os.environ["OTHER"], "opus"), reference))
print(f"libopus: {'the same' if apart < 0.001 else f'off by {apart:.3f}'}; " + "; ".join(
    f"ffmpeg {version}'s own decoder: {'clicks' if value > 0.1 else f'off by {value:.3f}'}" for version, value in off.items()))
PY
)
wanted="libopus: the same; ffmpeg 5.1.9's own decoder: clicks; ffmpeg 7.0.2's own decoder: clicks"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
