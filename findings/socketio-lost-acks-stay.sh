#!/usr/bin/env bash
# python-socketio 5.18.1, python-engineio 4.15.1, aiohttp 3.14.5 (PyPI).
# Run: a server whose handler answers too late; a client that calls it 200 times with a timeout, then waits; what the client still holds.
# Seen: all 200 calls end with TimeoutError, and 200 callbacks are kept for as long as the client lives; each has its call's frame and arguments with it.
# Surprising: call(timeout=…) gives up on the answer, and the client does not: the entry goes only when the answer comes. A worker that asks with a timeout for every
#   fragment of a stream, against a service that is down, grows with each question, and nothing in the interface tells how many are open.
# What to do: reconnect with a new client after a row of timeouts; or answer by an event with an id of your own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check python-socketio==5.18.1 python-engineio==4.15.1 aiohttp==3.14.5
seen=$(timeout 120 venv/bin/python - <<'PY'
import asyncio
import socketio
from aiohttp import web

async def main():
    server = socketio.AsyncServer(async_mode="aiohttp")
    never = asyncio.Event()

    @server.on("question")
    async def question(sid, number):
        await never.wait()

    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(f"http://127.0.0.1:{runner.addresses[0][1]}", transports=["websocket"])
    lost = 0
    for number in range(200):
        try:
            await client.call("question", number, timeout=0.01)
        except socketio.exceptions.TimeoutError:
            lost += 1
    # Beside the counter of ids that lies among them.
    print(f"{lost} timed out, {sum(1 for key in client.callbacks['/'] if key)} callbacks are kept")
    await client.disconnect()
    never.set()
    await runner.cleanup()

asyncio.run(main())
PY
)
wanted="200 timed out, 200 callbacks are kept"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
