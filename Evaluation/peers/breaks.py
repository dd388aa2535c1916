#!/usr/bin/env python3
"""What other measures make of the breaks that `PART=breaks make eval` made.

    breaks.py FOLDER [MOST]   FOLDER/peers holds NAME.wav (coded, with breaks), NAME.json (what was put where, into which file);
                              MOST windows (900) drawn by lot are scored

Each measure scores windows of 2 s, with a break in the middle and without, beside the same 2 s of the source; the threshold is
the one that 1 % of the windows without a break miss. A measure that is not installed is left out.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import wave

import numpy

RATE = 16000
HALF = 1.0


def read(path):
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE and file.getnchannels() == 1, path
        return numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(numpy.float32) / 32768


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(numpy.clip(samples * 32768, -32768, 32767).astype("<i2").tobytes())


def measures():
    """Name and function of each: windows of sources and recordings in, a score each (lower: broken) or None out."""
    found = {"astats": astats, "chromaprint": chromaprint}
    try:
        import pesq
        found["pesq"] = alone(lambda ref, deg: pesq.pesq(RATE, ref, deg, "wb"))
    except ImportError as error:
        print(f"peers: no pesq: {error}", file=sys.stderr)
    try:
        found["visqol"] = alone(visqol())
    except Exception as error:  # whatever its parts lack
        print(f"peers: no visqol: {error}", file=sys.stderr)
    try:
        from audio_offset_finder.audio_offset_finder import find_offset_between_buffers
        # Its own confidence that one lies in the other at all; a jump inside lowers it.
        found["audio-offset-finder"] = alone(
            lambda ref, deg: find_offset_between_buffers(ref, deg, RATE)["standard_score"])
    except ImportError as error:
        print(f"peers: no audio-offset-finder: {error}", file=sys.stderr)
    return found


def alone(measure):
    def score(pairs):
        scores = []
        for source, recording in pairs:
            try:
                scores.append(float(measure(source, recording)))
            except Exception:  # pesq refuses windows in which it hears no utterance
                scores.append(None)
        return scores
    return score


def visqol():
    from visqol import VisqolApi
    api = VisqolApi()
    api.create(mode="speech")
    return lambda ref, deg: api.measure_from_arrays(ref.astype(float), deg.astype(float), RATE).moslqo


def astats(pairs):
    """The deepest 10 ms of the recording, in dB under the source's, where that sounds."""
    def levels(samples, path):
        write(path, samples)
        said = subprocess.run(
            ["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-af",
             "asetnsamples=n=160,astats=metadata=1:reset=1,"
             "ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file=-", "-f", "null", "-"],
            capture_output=True, text=True, check=True).stdout
        found = [float(line.split("=")[1]) for line in said.splitlines() if "RMS_level=" in line]
        return numpy.maximum(found, -90)

    with tempfile.TemporaryDirectory() as folder:
        source, recording = (
            levels(numpy.concatenate([pair[side] for pair in pairs]), f"{folder}/{side}.wav") for side in (0, 1))
    count = int(2 * HALF * 100)
    under = numpy.where(source > -50, recording - source, 0)
    return [float(under[i * count:(i + 1) * count].min()) for i in range(len(pairs))]


def chromaprint(pairs):
    """Most bits by which an item in the window's middle differs from the source's: its items are 2.7 s wide and 0.124 s apart."""
    def items(samples, path):
        write(path, samples)
        said = subprocess.run(["fpcalc", "-raw", "-json", "-length", "0", path], capture_output=True, text=True)
        return numpy.array(json.loads(said.stdout)["fingerprint"], dtype=numpy.uint32)

    with tempfile.TemporaryDirectory() as folder:
        one, other = (
            items(numpy.concatenate([pair[side] for pair in pairs]), f"{folder}/{side}.wav") for side in (0, 1))
    step, width = 1365 / 11025, 1.36
    scores = []
    for number in range(len(pairs)):
        middle = int(round(((2 * number + 1) * HALF - width) / step))
        span = slice(max(0, middle - 2), max(0, middle + 3))
        differing = [bin(int(a) ^ int(b)).count("1") for a, b in zip(one[span], other[span])]
        scores.append(-float(max(differing)) if differing else None)
    return scores


def windows(folder):
    """Source and recording of a window, and the break in its middle or None."""
    for path in sorted(folder.glob("*.json")):
        said = json.loads(path.read_text())
        source, recording = read(folder / said["source"]), read(path.with_suffix(".wav"))
        breaks = said["breaks"]
        for one in breaks:
            # What is skipped takes no time of the recording.
            middle = one["start"] + (0 if one["kind"] == "skipped" else one["length"] / 2)
            yield cut(source, middle + one["shift"]), cut(recording, middle), one
        # Half-way between two breaks.
        for one, following in zip(breaks, breaks[1:]):
            begin = one["start"] + (0 if one["kind"] == "skipped" else one["length"])
            if following["start"] - begin > 2 * HALF + 0.1:
                middle = (begin + following["start"]) / 2
                yield cut(source, middle + following["shift"]), cut(recording, middle), None


def cut(samples, middle):
    first = int((middle - HALF) * RATE)
    return samples[max(0, first):first + int(2 * HALF * RATE)]


def main():
    folder = pathlib.Path(sys.argv[1]) / "peers"
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 900
    cases = [case for case in windows(folder) if len(case[0]) == len(case[1]) == int(2 * HALF * RATE)]
    random.Random(19).shuffle(cases)
    cases = cases[:most]
    print(f"{sum(one is not None for *_, one in cases)} breaks, {sum(one is None for *_, one in cases)} windows without one")
    for name, measure in measures().items():
        found = measure([(source, recording) for source, recording, _ in cases])
        scores = [(score, one) for score, (*_, one) in zip(found, cases) if score is not None]
        whole = sorted(score for score, one in scores if one is None)
        threshold = whole[len(whole) // 100] if whole else float("nan")
        refused = len(cases) - len(scores)
        print(f"{name}: below {threshold:.3f}, which 1 % of unbroken windows miss; {refused} windows refused")
        for kind in sorted({one["kind"] for _, one in scores if one}):
            cells = []
            for length in sorted({one["length"] for _, one in scores if one}):
                of = [score < threshold for score, one in scores if one and (one["kind"], one["length"]) == (kind, length)]
                cells.append(f"{length * 1000:.0f} ms {100 * sum(of) / len(of):.0f} % of {len(of)}" if of else "")
            print(f"  {kind:<12}" + "  ".join(cells), flush=True)


main()
