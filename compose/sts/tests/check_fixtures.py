#!/usr/bin/env python3
"""Sends the fixtures' fragments to a running STS service and compares every transcript, word by word.

    python3 compose/sts/tests/check_fixtures.py [--url http://127.0.0.1:3000] [--namespace /]

Needs ffmpeg, python3-socketio and python3-aiohttp on the host. Each fixture is sent as a worker would cut it, with the
cuts 25 ms early and late, at 48 kHz in stereo, and with the audio as an attachment; and twice, which must give the same bytes.
"""
import argparse
import asyncio
import base64
import json
import pathlib
import subprocess
import sys
import time

import socketio

FIXTURES = pathlib.Path(__file__).resolve().parents[3] / "fixtures"
FRAGMENT = 6.0
TIMEOUT = 60
# name, shift of the cuts (s), rate (Hz), channels, binary
VARIANTS = [("on the grid", 0.0, 16000, 1, False), ("on the grid again", 0.0, 16000, 1, False),
            ("25 ms early", -0.025, 16000, 1, False), ("25 ms late", 0.025, 16000, 1, False),
            ("48 kHz stereo", 0.0, 48000, 2, False), ("attachments", 0.0, 16000, 1, True)]


def decode(media, rate, channels):
    return subprocess.run(["ffmpeg", "-v", "error", "-i", media, "-vn", "-ar", str(rate), "-ac", str(channels),
                           "-f", "s16le", "-"], check=True, capture_output=True).stdout


def cut(pcm, index, shift, rate, channels):
    width = 2 * channels
    start, count = round((index * FRAGMENT + shift) * rate), round(FRAGMENT * rate)
    part = pcm[max(0, start) * width:(start + count) * width]
    return (bytes(max(0, -start) * width) + part).ljust(count * width, b"\0")


class Failures(list):
    def check(self, condition, what):
        if not condition:
            print("  WRONG", what)
            self.append(what)


async def send(url, namespace, stream_id, fragments, rate, channels, binary):
    """All fragments at once; the answers in the order of arrival, and the stream's summary."""
    client, answers, finished = socketio.AsyncClient(), [], asyncio.get_running_loop().create_future()
    ready = asyncio.get_running_loop().create_future()

    async def processed(payload):
        answers.append(payload)
        if len(answers) == len(fragments):
            await client.emit("stream:end", {"stream_id": stream_id}, namespace=namespace)

    async def complete(payload):
        finished.set_result(payload)

    async def error(payload):
        for waiting in (ready, finished):
            if not waiting.done():
                waiting.set_exception(RuntimeError(f"error event: {payload}"))

    async def opened(payload):
        ready.set_result(payload)

    for name, handler in (("fragment:processed", processed), ("stream:complete", complete), ("error", error),
                          ("stream:ready", opened)):
        client.on(name, handler, namespace=namespace)
    await client.connect(url, namespaces=[namespace], transports=["websocket"])
    try:
        await client.emit("stream:init", {"stream_id": stream_id, "worker_id": "check", "config": {
            "source_language": "en", "target_language": "es", "voice_profile": "default", "chunk_duration_ms": 6000,
            "sample_rate_hz": rate, "channels": channels, "format": "pcm_s16le"}}, namespace=namespace)
        await asyncio.wait_for(ready, TIMEOUT)
        for index, pcm in enumerate(fragments):
            data = {"data_base64": pcm if binary else base64.b64encode(pcm).decode()}
            await client.emit("fragment:data", {
                "fragment_id": f"{stream_id}-{index}", "stream_id": stream_id, "sequence_number": index,
                "timestamp": int(time.time() * 1000),
                "audio": {"format": "pcm_s16le", "sample_rate_hz": rate, "channels": channels, "duration_ms": 6000, **data}},
                namespace=namespace)
        return answers, await asyncio.wait_for(finished, TIMEOUT)
    finally:
        await client.disconnect()


def judge(failures, fixture, answers, summary, binary):
    expected = fixture["expected_transcripts"]
    failures.check([a["sequence_number"] for a in answers] == list(range(len(expected))), "answers out of order")
    failures.check(summary["total_fragments"] == len(expected), f"summary {summary}")
    sounds = []
    for answer, words in zip(answers, expected):
        number = answer["sequence_number"]
        failures.check(answer["status"] == "success", f"fragment {number}: {answer.get('error')}")
        failures.check(answer.get("transcript") == words, f"fragment {number}: {answer.get('transcript')!r} instead of {words!r}")
        failures.check(answer.get("translated_text") and answer.get("target_language") == "es", f"fragment {number}: no translation")
        audio = answer.get("dubbed_audio", {})
        data = audio.get("data_base64", b"")
        failures.check(isinstance(data, bytes) == binary, f"fragment {number}: answered in another form than it was sent")
        pcm = data if isinstance(data, bytes) else base64.b64decode(data)
        failures.check(len(pcm) == round(FRAGMENT * audio.get("sample_rate_hz", 0)) * 2, f"fragment {number}: {len(pcm)} bytes of sound")
        failures.check(any(pcm), f"fragment {number}: the sound is silent")
        failures.check(audio.get("duration_ms") == 6000, f"fragment {number}: duration {audio.get('duration_ms')}")
        sounds.append(pcm)
    return sounds


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:3000")
    parser.add_argument("--namespace", default="/")
    options = parser.parse_args()
    failures, times = Failures(), []
    for folder in sorted(f.parent for f in FIXTURES.glob("*/fixture.json")):
        fixture, first = json.loads((folder / "fixture.json").read_text()), None
        for name, shift, rate, channels, binary in VARIANTS:
            pcm = decode(folder / "media.mp4", rate, channels)
            fragments = [cut(pcm, i, shift, rate, channels) for i in range(len(fixture["expected_transcripts"]))]
            stream_id = f"check-{fixture['name']}-{time.time_ns()}"
            began = time.monotonic()
            answers, summary = await send(options.url, options.namespace, stream_id, fragments, rate, channels, binary)
            took = time.monotonic() - began
            sounds = judge(failures, fixture, answers, summary, binary)
            if first is None:
                first = sounds
                for answer in answers:
                    print(f"  {fixture['name']} {answer['sequence_number']}: {answer['transcript']} → {answer['translated_text']}")
            if name == "on the grid again":
                failures.check(sounds == first, "a second run gave other sound")
            times += [a["processing_time_ms"] for a in answers]
            stages = answers[-1]["stage_timings"]
            print(f"{fixture['name']}, {name}: {len(answers)} fragments in {took:.2f} s, last one's stages {stages}")
    print(f"processing time: median {sorted(times)[len(times) // 2]} ms, longest {max(times)} ms; {len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
