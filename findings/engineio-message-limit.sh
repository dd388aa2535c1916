#!/usr/bin/env bash
# python-engineio 4.15.1, python-socketio 5.16.3 with aiohttp 3.14.5, and with uvicorn 0.54.0 and websockets 17.4 (PyPI).
# Run: over WebSocket, one event of exactly 999,999, 1,000,000 and 1,000,001 bytes; both servers announce maxPayload 1,000,000 in their handshake.
# Seen: aiohttp takes 999,999 and closes at 1,000,000 (code 1009). uvicorn takes 1,000,000 and closes at 1,000,001 (code 1000, "normal closure").
# Surprising: the same server class and the same announced limit, and the limit itself is legal on one and fatal on the other; the close code
#   says "too big" on one and "all is well" on the other. A client that splits at maxPayload works in one deployment only.
# What to do: stay at least one byte below maxPayload, and do not read a close with 1000 as wanted.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check python-socketio==5.16.3 python-engineio==4.15.1 aiohttp==3.14.5 uvicorn==0.54.0 websockets==17.4
seen=$(timeout 60 venv/bin/python - <<'PY'
import asyncio, json, logging, socket
import aiohttp, socketio, uvicorn
from aiohttp import web

logging.disable(logging.CRITICAL)

async def serve(kind, handled):
    """A server that sets the event when x comes; its port and what ends it."""
    server = socketio.AsyncServer(async_mode=kind)
    server.on("x", lambda sid, text: handled.set())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    if kind == "aiohttp":
        application = web.Application()
        server.attach(application)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        return port, runner.cleanup
    http = uvicorn.Server(uvicorn.Config(socketio.ASGIApp(server), log_level="critical", ws="websockets"))
    task = asyncio.create_task(http.serve(sockets=[listener]))
    while not http.started:
        await asyncio.sleep(0.05)
    async def stop():
        http.should_exit = True
        await task
    return port, stop

async def main():
    for kind in ("aiohttp", "asgi"):
        handled = asyncio.Event()
        port, stop = await serve(kind, handled)
        async with aiohttp.ClientSession() as client:
            for size in (999_999, 1_000_000, 1_000_001):
                handled.clear()
                async with client.ws_connect(f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket", max_msg_size=0) as channel:
                    limit = json.loads((await channel.receive_str())[1:])["maxPayload"]
                    await channel.send_str("40")
                    await channel.receive_str()
                    event = '42["x",""]'
                    await channel.send_str('42["x","' + "a" * (size - len(event)) + '"]')
                    taken, closed = asyncio.create_task(handled.wait()), asyncio.create_task(channel.receive())
                    await asyncio.wait((taken, closed), timeout=10, return_when=asyncio.FIRST_COMPLETED)
                    outcome = "taken" if handled.is_set() else f"closed {closed.result().data}" if closed.done() else "nothing"
                    for task in (taken, closed):
                        task.cancel()
                    await asyncio.gather(taken, closed, return_exceptions=True)
                print(f"{kind} (limit {limit}) {size}: {outcome}")
        await stop()

asyncio.run(main())
PY
)
wanted="aiohttp (limit 1000000) 999999: taken
aiohttp (limit 1000000) 1000000: closed 1009
aiohttp (limit 1000000) 1000001: closed 1009
asgi (limit 1000000) 999999: taken
asgi (limit 1000000) 1000000: taken
asgi (limit 1000000) 1000001: closed 1000"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
