#!/usr/bin/env python3
"""Every row of docs/media-server.md as a test, against the relay and, with MEDIAMTX_BINARY, against MediaMTX: same assertions.

    python3 -m tests.behaviour [WORD …]     from compose/relay; only tests whose name contains one of the words

Needs ffmpeg and ffprobe. Tests wait more than they compute, so that they run side by side.
"""
import os
import re
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from . import rows_api, rows_files, rows_media, rows_publish, servers
from .cases import Case, movie

DOCUMENT = os.path.join(servers.PART, "..", "..", "docs", "media-server.md")
FIRST, SECOND = "1.15.6", "1.20.1"      # the relay's generations
SIDE_BY_SIDE = 10
MODULES = rows_publish, rows_media, rows_files, rows_api


def tests_for(server, words, only_generations=False):
    loader, found = unittest.TestLoader(), []
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Case) and value.__module__ == module.__name__ \
                    and (value.generations or not only_generations):
                found += [value(name, server) for name in loader.getTestCaseNames(value)]
    # The long waits first.
    found.sort(key=lambda t: "ten_seconds" not in t._testMethodName)
    return [t for t in found if not words or any(w in t._testMethodName for w in words)]


def undocumented():
    """Tests that docs/media-server.md does not name, and names there that are no tests."""
    with open(DOCUMENT, encoding="utf-8") as file:
        named = set(re.findall(r"`([a-hj]_\w+)`", file.read()))
    tests = {t._testMethodName.removeprefix("test_") for t in tests_for(None, [])}
    return [f"{DOCUMENT} and the suite differ in {', '.join(sorted(named ^ tests))}"] if named != tests else []


def perform(test):
    result, begun = unittest.TestResult(), time.monotonic()
    test.run(result)
    problems = [text for _, text in result.failures + result.errors]
    mark = "FAILED" if problems else "NOT RUN" if result.skipped else "ok    "
    print(f"{mark} {test.server.name}: {test._testMethodName.removeprefix('test_')} ({time.monotonic() - begun:.1f} s)"
          + "".join(f": {reason}" for _, reason in result.skipped), flush=True)
    return [f"{test.server.name}: {test.id()}\n{text}" for text in problems]


def main(words):
    begun = time.monotonic()
    for b_frames in (0, 2):
        movie(b_frames)
    first, second = servers.relay(FIRST), servers.relay(SECOND)
    plan = [(first, False), (second, True)]
    binary = os.environ.get("MEDIAMTX_BINARY")
    if binary:
        plan.append((servers.mediamtx(binary), False))
    problems, tests = undocumented(), []
    try:
        for server, only_generations in plan:
            server.start()
            tests += tests_for(server, words, only_generations)
        tests.sort(key=lambda t: "ten_seconds" not in t._testMethodName)
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for found in pool.map(perform, tests):
                problems += found
    finally:
        problems += [text for server, _ in plan if (text := server.stop())]
    for text in problems:
        print("\n" + text, file=sys.stderr)
    if not binary:
        print("NOT RUN against MediaMTX: set MEDIAMTX_BINARY")
    names = ", ".join(server.name for server, _ in plan)
    print(f"media server: {len(tests)} tests against {names} in {time.monotonic() - begun:.0f} s, {len(problems)} failed")
    return bool(problems) or not tests


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
