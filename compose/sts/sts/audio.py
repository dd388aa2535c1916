"""16 bit PCM: to the recogniser's form, and to exactly the length that was asked for."""
import audioop
import math
import random
import re
import subprocess

SAMPLE = 2                              # bytes
MAX_TEMPO = 8.0
# Below this level there is no speech (dBFS, loudest 20 ms). A recogniser with few words finds one in anything: digital
# silence was `six`. Speech lies at -10 to -30, the noise of a quiet recording at -60.
SPEECH_LEVEL = -45.0


def mono(data, channels):
    """All channels mixed at equal weight."""
    if channels == 1:
        return data
    if channels == 2:
        return audioop.tomono(data, SAMPLE, 0.5, 0.5)
    count = len(data) // (SAMPLE * channels)
    mixed = bytes(SAMPLE * count)
    for channel in range(channels):
        one = b"".join(data[(i * channels + channel) * SAMPLE:(i * channels + channel + 1) * SAMPLE] for i in range(count))
        mixed = audioop.add(mixed, audioop.mul(one, SAMPLE, 1 / channels), SAMPLE)
    return mixed


def level(data, rate):
    """The loudest 20 ms, dBFS; -infinity for digital silence."""
    step = SAMPLE * max(1, rate // 50)
    loudest = max((audioop.rms(data[i:i + step], SAMPLE) for i in range(0, len(data), step)), default=0)
    return 20 * math.log10(loudest / 32768) if loudest else -math.inf


# 10 ms at 16 kHz and more: what a decoder puts in for lost packets, or a muted track.
_NOTHING = re.compile(rb"\0{320,}")
_NOISE = b"".join(value.to_bytes(2, "little", signed=True) for value in random.Random(0).choices((-1, 0, 1), k=4000))


def without_gaps(data):
    """The same with noise of one unit where samples are zero: of digital silence pocketsphinx makes a word ('dog')."""
    def noise(gap):
        first = gap.start() % SAMPLE        # the upper byte of the last sample before it
        length = (gap.end() - gap.start() - first) // SAMPLE * SAMPLE
        filled = (_NOISE * (length // len(_NOISE) + 1))[:length]
        return bytes(first) + filled + bytes(gap.end() - gap.start() - first - length)
    return _NOTHING.sub(noise, data)


def vocoded(data, rate):
    """White noise with the loudness of each 20 ms of the sound, and none of its words."""
    step, source, parts = SAMPLE * (rate // 50), random.Random(0), []
    for start in range(0, len(data), step):
        part = data[start:start + step]
        # Another piece of the noise for each: repeated, it would be a hum.
        noise = source.randbytes(step)
        parts.append(audioop.mul(noise, SAMPLE, audioop.rms(part, SAMPLE) / audioop.rms(noise, SAMPLE))[:len(part)])
    return b"".join(parts)


def _sox(data, rate, arguments, out_rate, timeout):
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1"]
    # -D: no dither, which is noise and would make every run different.
    command = ["sox", "-D", "-V1", *raw, "-r", str(rate), "-", *raw, "-r", str(out_rate), "-", *arguments]
    result = subprocess.run(command, input=data, capture_output=True, timeout=timeout)
    if result.returncode:
        raise RuntimeError(f"sox ended with {result.returncode}: {result.stderr.decode(errors='replace').strip()[-300:]}")
    return result.stdout


def resampled(data, rate, target, timeout=20):
    return data if rate == target or not data else _sox(data, rate, [], target, timeout)


def fit(data, rate, count, timeout=20):
    """Exactly `count` samples: squeezed when longer (pitch kept), followed by silence when shorter."""
    have = len(data) // SAMPLE
    if count and have > count:
        data = _sox(data, rate, ["tempo", "-s", f"{min(MAX_TEMPO, have / count):.6f}"], rate, timeout)
    return data[:count * SAMPLE].ljust(count * SAMPLE, b"\0")


def samples_at(count, rate, target):
    """How many samples at `target` Hz last as long as `count` at `rate` Hz."""
    return (count * target + rate // 2) // rate
