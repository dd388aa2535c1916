#!/usr/bin/env bash
# python-socketio 5.16.3, python-engineio 4.15.1, aiohttp 3.14.5 (PyPI).
# Run: a server whose connect handler emits "welcome" to the new sid, as greeting code does; a raw client that sends CONNECT and reads what comes.
# Seen: the event (42…) comes before the answer to CONNECT (40{"sid":…}). With always_connect=True it comes after it.
# Surprising: by the protocol a client is in a namespace once CONNECT is answered; a strict one has to call an earlier event an error, or drop it. The
#   server takes the handler's return value for the decision, so all that the handler emits overtakes the answer.
# What to do: a client holds early events until CONNECT is answered; a server sets always_connect=True.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check python-socketio==5.16.3 python-engineio==4.15.1 aiohttp==3.14.5
seen=$(timeout 60 venv/bin/python - <<'PY'
import asyncio
import aiohttp, socketio
from aiohttp import web

async def main():
    for always in (False, True):
        server = socketio.AsyncServer(async_mode="aiohttp", always_connect=always)

        async def connect(sid, environ, auth, server=server):
            await server.emit("welcome", to=sid)

        server.on("connect", connect)
        application = web.Application()
        server.attach(application)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        async with aiohttp.ClientSession() as client:
            async with client.ws_connect(f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket") as channel:
                await channel.receive_str()
                await channel.send_str("40")
                order = [(await channel.receive_str(timeout=10))[:2] for _ in range(2)]
        await runner.cleanup()
        print(f"always_connect={always}: {order[0]} then {order[1]};", end=" ")

asyncio.run(main())
PY
)
wanted="always_connect=False: 42 then 40; always_connect=True: 40 then 42; "
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected: %s\nSeen: %s\n' "$wanted" "$seen" >&2; exit 1; }
echo "As described: $seen"
