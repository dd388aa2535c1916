#!/usr/bin/env python3
"""How far sound and picture are apart in a recording of the fixture `flash-and-beep`, measured by its marks alone.

    scripts/av-lag.py recording.flv [--marks 20] [--json]

The fixture is white, and whistles at 5 kHz, in the last 67 ms of each second. Here the middle of each white spell and the middle of
each whistle are found, each by itself, and paired: no fingerprint, no code and no assumption of the Swift judge is shared, so that the
two can be held against each other. Positive: the sound is late. Needs ffmpeg and ffprobe.
"""
import argparse
import array
import bisect
import json
import math
import statistics
import subprocess
import sys

RATE = 16000
TONE = 5000                 # Hz
STEP = 16                   # samples: 1 ms
WINDOW = 160                # samples: 10 ms
LONGEST = 0.4               # s, by which a mark's two halves may be apart and still be one mark
SIZE = (16, 9)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def frame_times(path):
    text = run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of",
               "csv=p=0", path).decode()
    return [float(line.strip(",")) for line in text.split() if line.strip(",")]


def flashes(path):
    """The middle of each white spell: a picture is seen until the next one comes."""
    width, height = SIZE
    raw = run("ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf",
              f"scale={width}:{height}:flags=area,format=gray", "-f", "rawvideo", "-")
    size = width * height
    times = frame_times(path)
    count = min(len(raw) // size, len(times))
    white = [sum(raw[n * size:(n + 1) * size]) / size > 225 for n in range(count)]
    return middles(times[:count], white)


def middles(times, marked):
    found, start = [], None
    for time, is_marked in zip(times, marked):
        if is_marked and start is None:
            start = time
        elif not is_marked and start is not None:
            found.append((start + time) / 2)
            start = None
    return found


def beeps(path):
    """The middle of each whistle: where the tone has more than half of the amplitude that it has at its loudest."""
    # Silence up to the first packet, and where packets are missing: a sample's number is then its time.
    raw = run("ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", "0:a:0", "-af", f"aresample={RATE}:async=1:first_pts=0", "-ac",
              "1", "-f", "s16le", "-")
    samples = array.array("h")
    samples.frombytes(raw[:len(raw) // 2 * 2])
    levels, times = [], []
    turns = [(math.cos(2 * math.pi * TONE * n / RATE), math.sin(2 * math.pi * TONE * n / RATE)) for n in range(STEP)]
    # The sums of single milliseconds are put together to windows; 5 kHz has whole periods in one.
    steps = []
    for at in range(0, len(samples) - STEP, STEP):
        real = imaginary = 0.0
        for (cosine, sine), value in zip(turns, samples[at:at + STEP]):
            real += cosine * value
            imaginary += sine * value
        steps.append((real, imaginary))
    wide = WINDOW // STEP
    for at in range(len(steps) - wide):
        part = steps[at:at + wide]
        levels.append(math.hypot(sum(r for r, _ in part), sum(i for _, i in part)) * 2 / WINDOW)
        times.append((at + wide / 2) * STEP / RATE)
    if not levels:
        return []
    loud = max(levels) / 2
    return [] if loud < 500 else middles(times, [level > loud for level in levels])


def lags(seen, heard):
    """Seconds from each flash to the whistle that is nearest to it."""
    found = []
    for flash in seen:
        at = bisect.bisect(heard, flash)
        near = min(heard[max(0, at - 1):at + 1], key=lambda beep: abs(beep - flash), default=None)
        if near is not None and abs(near - flash) < LONGEST:
            found.append(near - flash)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("--marks", type=int, default=5, help="how many pairs there must be at least")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen, heard = flashes(options.recording), beeps(options.recording)
    found = [lag * 1000 for lag in lags(seen, heard)]
    if len(found) < options.marks:
        sys.exit(f"{options.recording}: {len(seen)} flashes and {len(heard)} whistles make {len(found)} pairs, fewer than "
                 f"{options.marks}: is it a recording of flash-and-beep whose sound was passed through?")
    answer = {"median_ms": round(statistics.median(found), 1), "lowest_ms": round(min(found), 1), "highest_ms": round(max(found), 1),
              "marks": len(found)}
    print(json.dumps(answer) if options.json else
          f"the sound is {answer['median_ms']:+.1f} ms late (median of {len(found)} marks, {answer['lowest_ms']:+.1f} to "
          f"{answer['highest_ms']:+.1f})")


if __name__ == "__main__":
    main()
