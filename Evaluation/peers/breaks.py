#!/usr/bin/env python3
"""What other measures make of the breaks that `PART=breaks make eval` made: pesq, visqol, audio-offset-finder.

    breaks.py FOLDER   FOLDER/peers holds NAME.wav (coded, with breaks), NAME.json (what was put where) and SOURCE.wav

Each measure scores windows of 2 s, with a break in the middle and without; the threshold is the one that 1 % of the windows
without a break miss. A measure that is not installed is left out.
"""
import json
import pathlib
import sys
import wave

import numpy

RATE = 16000
HALF = 1.0


def read(path):
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE and file.getnchannels() == 1, path
        return numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(numpy.float32) / 32768


def measures():
    found = {}
    try:
        import pesq
        found["pesq"] = lambda ref, deg: pesq.pesq(RATE, ref, deg, "wb")
    except ImportError as error:
        print(f"peers: no pesq: {error}", file=sys.stderr)
    try:
        found["visqol"] = visqol()
    except Exception as error:  # whatever its parts lack
        print(f"peers: no visqol: {error}", file=sys.stderr)
    try:
        from audio_offset_finder.audio_offset_finder import find_offset_between_buffers
        # Its own confidence that one lies in the other at all; a jump inside lowers it.
        found["audio-offset-finder"] = lambda ref, deg: find_offset_between_buffers(ref, deg, RATE)["standard_score"]
    except ImportError as error:
        print(f"peers: no audio-offset-finder: {error}", file=sys.stderr)
    return found


def visqol():
    from visqol import VisqolApi
    api = VisqolApi()
    api.create(mode="speech")
    return lambda ref, deg: api.measure_from_arrays(ref.astype(float), deg.astype(float), RATE).moslqo


def windows(folder):
    """Source and recording of a window, and the break in its middle or None."""
    for path in sorted(folder.glob("*.json")):
        said = json.loads(path.read_text())
        source, recording = read(folder / said["source"]), read(path.with_suffix(".wav"))
        breaks = said["breaks"]
        for one in breaks:
            middle = one["start"] + one["length"] / 2
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
    cases = [case for case in windows(folder) if len(case[0]) == len(case[1]) == int(2 * HALF * RATE)]
    print(f"{sum(one is not None for *_, one in cases)} breaks, {sum(one is None for *_, one in cases)} windows without one")
    for name, measure in measures().items():
        scores, failed = [], 0
        for source, recording, one in cases:
            try:
                scores.append((float(measure(source, recording)), one))
            except Exception:  # pesq refuses windows in which it hears no utterance
                failed += 1
        whole = sorted(score for score, one in scores if one is None)
        threshold = whole[len(whole) // 100] if whole else float("nan")
        print(f"{name}: below {threshold:.3f}, which 1 % of unbroken windows miss; {failed} windows refused")
        for kind in sorted({one["kind"] for _, one in scores if one}):
            cells = []
            for length in sorted({one["length"] for _, one in scores if one}):
                of = [score < threshold for score, one in scores if one and (one["kind"], one["length"]) == (kind, length)]
                cells.append(f"{length * 1000:.0f} ms {100 * sum(of) / len(of):.0f} %" if of else "")
            print(f"  {kind:<12}" + "  ".join(cells))


main()
