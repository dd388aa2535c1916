#!/usr/bin/env python3
"""Kills engines inside a running STS container and looks at what a client is told.

    python3 compose/sts/tests/check_faults.py CONTAINER [--url http://127.0.0.1:3000]

Needs docker, ffmpeg, python3-socketio and python3-aiohttp on the host.
"""
import argparse
import asyncio
import base64
import subprocess
import sys

import socketio

from check_fixtures import FIXTURES, Failures, cut, decode

TIMEOUT = 60
RATE = 16000
KILL = 'for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || case "$(tr "\\0" " " < $p/cmdline 2> /dev/null)" in *"$0"*) kill -9 ${p#/proc/};; esac; done; :'
EVENTS = ("stream:ready", "fragment:processed", "stream:complete", "error")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("container")
    parser.add_argument("--url", default="http://127.0.0.1:3000")
    options = parser.parse_args()
    client, arrived, failures, sequence = socketio.AsyncClient(), asyncio.Queue(), Failures(), 0
    for name in EVENTS:
        client.on(name, lambda payload, name=name: arrived.put_nowait((name, payload)))

    def kill(pattern):
        subprocess.run(["docker", "exec", options.container, "sh", "-c", KILL, pattern], check=False)

    async def send(pcm):
        """The answer, and the errors that came before it."""
        nonlocal sequence
        await client.emit("fragment:data", {
            "fragment_id": f"f{sequence}", "stream_id": "faults", "sequence_number": sequence, "timestamp": 0,
            "audio": {"format": "pcm_s16le", "sample_rate_hz": RATE, "channels": 1, "duration_ms": 6000,
                      "data_base64": base64.b64encode(pcm).decode()}})
        sequence, errors = sequence + 1, []
        while True:
            name, payload = await asyncio.wait_for(arrived.get(), TIMEOUT)
            if name == "error" and payload["code"] == "FRAGMENT_TOO_LARGE":
                sequence -= 1
                return payload, errors
            if name == "fragment:processed":
                return payload, errors
            errors.append(payload)

    await client.connect(options.url, transports=["websocket"])
    await client.emit("stream:init", {"stream_id": "faults", "worker_id": "check", "config": {
        "source_language": "en", "target_language": "es", "sample_rate_hz": RATE, "channels": 1, "format": "pcm_s16le"}})
    name, payload = await asyncio.wait_for(arrived.get(), TIMEOUT)
    failures.check(name == "stream:ready", f"{name} {payload}")
    workers = 8
    speech, words = cut(decode(FIXTURES / "counting" / "media.mp4", RATE, 1), 0, 0, RATE, 1), "one two three four five six"

    answer, _ = await send(bytes(len(speech)))
    failures.check((answer["status"], answer["transcript"]) == ("success", ""), f"silence was heard as {answer['transcript']!r}")
    failures.check(not any(base64.b64decode(answer["dubbed_audio"]["data_base64"])), "silence was given a voice")
    answer, _ = await send(b"")
    failures.check(answer["status"] == "success" and answer["dubbed_audio"]["duration_ms"] == 0, f"no audio: {answer}")
    answer, _ = await send(bytes(9_000_000))
    failures.check(answer["code"] == "FRAGMENT_TOO_LARGE", f"9 MB: {answer}")

    for what, pattern in (("a stage of apertium", "lrx-proc"), ("apertium's first stage", "automorf"),
                          ("the engine processes", "spawn_main")):
        kill(pattern)
        told = []
        for _ in range(workers):
            answer, errors = await send(speech)
            told += errors
            failures.check(answer["status"] == "success" and answer["transcript"] == words and
                           answer["translated_text"].startswith("Uno, dos, tres"), f"{what} killed: {answer}")
        failures.check(told and all(e["code"] == "MODEL_ERROR" and e["retryable"] for e in told), f"{what} killed: told {told}")
        print(f"{what} killed: {len(told)} errors told, every fragment answered")
    await client.emit("stream:end", {"stream_id": "faults"})
    name, payload = await asyncio.wait_for(arrived.get(), TIMEOUT)
    failures.check(name == "stream:complete" and payload["total_fragments"] == sequence, f"{name} {payload}")
    await client.disconnect()
    print(f"{len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
