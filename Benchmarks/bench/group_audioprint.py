"""AudioPrint beside fpcalc (Chromaprint) and a bare FFTW loop."""
import json
import os
import subprocess

from measure import OURS, OURS_LIBAV, PEERS, ROOT, WORK, Cases, MeasureError, progress, run, swift_tool, usage_of

FIXTURE = ROOT / "fixtures" / "counting" / "media.mp4"
FPCALC_ITEMS_PER_SECOND = 11025 / 1365
WHOLE = [("1 min", 1), ("10 min", 10), ("1 h", 60), ("10 h", 600)]


def measure(runs):
    progress("audioprint: making the files")
    minute, wav, samples, whole = make_files()
    loop = compile_loop()
    cases = Cases("audioprint")
    for number in range(1, runs + 1):
        progress(f"audioprint {number}/{runs}: features, attribution")
        measure_computing(cases, minute, wav, samples, loop)
        for name, minutes in WHOLE:
            # Ten hours take half a minute each time, and vary as little as one hour does.
            if minutes <= 60 or number == 1:
                progress(f"audioprint {number}/{runs}: whole process, {name} of m4a")
                measure_whole(cases, name, minutes, whole[name])
    return cases


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=300)


def make_files():
    WORK.mkdir(parents=True, exist_ok=True)
    minute, wav, samples = WORK / "minute.m4a", WORK / "minute.wav", WORK / "minute.f32"
    # The fixture's speech twice; the hour repeats the coded minute, which costs no encoding.
    ffmpeg("-stream_loop", 1, "-i", FIXTURE, "-vn", "-t", 60, "-c:a", "aac", "-b:a", "128k", minute)
    ffmpeg("-i", minute, "-ac", 1, "-ar", 11025, wav)
    ffmpeg("-i", minute, "-ac", 1, "-ar", 11025, "-f", "f32le", samples)
    whole = {}
    for name, minutes in WHOLE:
        whole[name] = WORK / f"speech-{minutes}.m4a"
        ffmpeg("-stream_loop", minutes - 1, "-i", minute, "-c", "copy", whole[name])
    for count in (2, 100):
        raw = coded_scene(count).with_suffix(".f32")
        run([swift_tool("AudioBench"), "scene", str(minute), str(count), str(raw)])
        ffmpeg("-f", "f32le", "-ar", 8000, "-ac", 1, "-i", raw, "-c:a", "aac", "-b:a", "128k", "-ar", 48000, "-ac", 2, coded_scene(count))
    return minute, wav, samples, whole


def coded_scene(count):
    """A minute of which every other window is dubbed, with so many candidates, as a pipeline publishes it."""
    return WORK / f"scene-{count}.m4a"


def compile_loop():
    program = WORK / "fftw_loop"
    command = ["gcc", "-O3", "-march=native", "-Wall", "-o", program, PEERS / "fftw_loop.c", "-lfftw3f", "-lm"]
    subprocess.run(list(map(str, command)), check=True, timeout=60)
    return str(program)


def fpcalc(path, minutes):
    """CPU seconds and peak memory of fpcalc over a whole file."""
    command = ["fpcalc", "-raw", "-length", "0", "-json", str(path)]
    # Debian's ends with 3 where it should notice the file's end, after a whole fingerprint: that is counted instead.
    cpu, peak, output = usage_of(command, statuses=(0, 3))
    items = len(json.loads(output)["fingerprint"])
    if items < 0.95 * minutes * 60 * FPCALC_ITEMS_PER_SECOND:
        raise MeasureError(f"{' '.join(command)}\n  gave {items} items for {minutes} min: not the whole file")
    return cpu, peak


def measure_computing(cases, minute, wav, samples, loop):
    features = cases.case("features of decoded audio", "CPU ms/min", 5)
    (result,) = run([swift_tool("AudioBench"), "features", str(minute)])
    features.add(OURS, result["cpu_ms_per_min"])
    (result,) = run([loop, str(samples), "20"])
    features.add("FFTW loop", result["cpu_ms_per_min"])
    cpu, _ = fpcalc(wav, 1)
    # A WAV costs fpcalc next to no decoding; its process is counted whole.
    features.add("fpcalc (wav)", cpu * 1e3)
    case = cases.case("continuity of a minute after AAC 128k, decoded", "CPU ms/min", 6)
    coded = WORK / "minute-again.m4a"
    if not coded.exists():
        ffmpeg("-i", minute, "-c:a", "aac", "-b:a", "128k", "-ar", 48000, "-ac", 2, coded)
    (result,) = run([swift_tool("AudioBench"), "continuity", str(minute), str(coded)])
    case.add(OURS, result["cpu_ms_per_min"])
    for count, wanted in ((2, 15), (100, 60)):
        for name, recording in (("", []), (" after AAC 128k", [str(coded_scene(count))])):
            case = cases.case(f"attribution{name}, {count} candidates", "CPU ms/min", wanted)
            (result,) = run([swift_tool("AudioBench"), "attribute", str(minute), str(count), *recording])
            case.add(OURS, result["cpu_ms_per_min"])


def measure_whole(cases, name, minutes, path):
    cpu = cases.case(f"decoding and fingerprint, {name} of m4a", "CPU ms")
    memory = cases.case(f"peak memory, fingerprint of {name} of m4a", "MB", 40)
    largest = cases.case(f"peak memory of its largest process, fingerprint of {name} of m4a", "MB")
    theirs, peak = fpcalc(path, minutes)
    cpu.add("fpcalc", theirs * 1e3)
    memory.add("fpcalc", peak)
    largest.add("fpcalc", peak)
    # What fpcalc takes is what is wanted.
    cpu.wanted = round(cpu.median("fpcalc"), 1)
    measure_ours(cpu, memory, largest, minutes, "fingerprint", path)
    measure_ours(
        cases.case(f"attribution to an original, both decoded, {name} of m4a", "CPU ms"),
        cases.case(f"peak memory, attribution of {name} of m4a", "MB", 40),
        cases.case(f"peak memory of its largest process, attribution of {name} of m4a", "MB"), minutes, "stream", path, path)


def measure_ours(cpu, memory, largest, minutes, mode, *paths):
    builds = [(OURS, "BENCH_BIN")]
    if "BENCH_BIN_LIBAV" in os.environ:
        builds.append((OURS_LIBAV, "BENCH_BIN_LIBAV"))
    for who, build in builds:
        ours, peak, output = usage_of([swift_tool("AudioBench", build), mode, *map(str, paths)])
        said = json.loads(output)
        if abs(said["seconds"] - minutes * 60) > 1 + minutes / 10:
            raise MeasureError(f"{mode} {paths[0]}: {said['seconds']} s of {minutes} min")
        cpu.add(who, ours * 1e3)
        # Of this process alone, and of whichever is largest: the other decoder's ffmpeg has what this one has in itself.
        memory.add(who, said["peak_rss_mb"])
        largest.add(who, peak)
