#!/usr/bin/env bash
# python-engineio 4.15.1, python-socketio 5.16.3, aiohttp 3.14.5 (PyPI).
# Run: an Engine.IO 4 long-polling session; one POST with 16 events, then one with 17, each event of 9 bytes, split by the separator U+001E.
# Seen: both are answered "200 OK". Of the 16 events 16 are handled, of the 17 none.
# Surprising: the protocol sets no such limit, maxPayload (1,000,000 bytes) is far away, and the sender is told that all is well. Payload.max_decode_packets
#   is 16; the refusal is told to the server's log only. A client that was offline for a moment sends its backlog like this.
# What to do: a client sends at most 16 packets in a POST; a server sets engineio.payload.Payload.max_decode_packets higher.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check python-socketio==5.16.3 python-engineio==4.15.1 aiohttp==3.14.5
seen=$(timeout 60 venv/bin/python - <<'PY'
import asyncio, json, logging
import aiohttp, socketio
from aiohttp import web

logging.disable(logging.CRITICAL)  # the refusal's trace

async def main():
    server, handled = socketio.AsyncServer(async_mode="aiohttp"), []
    server.on("x", lambda sid, number: handled.append(number))
    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as client:
        session = json.loads((await (await client.get(url)).text())[1:])["sid"]
        url += "&sid=" + session
        await client.post(url, data="40")
        await (await client.get(url)).text()
        for count in (16, 17):
            handled.clear()
            answer = await client.post(url, data="\x1e".join(f'42["x",{n}]' for n in range(count)))
            text = await answer.text()
            for _ in range(20):
                if len(handled) == count:
                    break
                await asyncio.sleep(0.05)
            print(f"{count} sent: {answer.status} {text}, {len(handled)} handled;", end=" ")
    await runner.cleanup()

asyncio.run(main())
PY
)
wanted="16 sent: 200 OK, 16 handled; 17 sent: 200 OK, 0 handled; "
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected: %s\nSeen: %s\n' "$wanted" "$seen" >&2; exit 1; }
echo "As described: $seen"
