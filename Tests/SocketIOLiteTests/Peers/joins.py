"""Namespaces whose requests are answered late or otherwise. Prints its port; ends with its standard input.

`/late` is answered when the event `answer` comes, `/leaves` with DISCONNECT, `/no` with a refusal, any other at once. What it hears of
namespaces it says in the event `heard`. The event `leave` makes it leave `/`.
"""
import asyncio
import json

from aiohttp import WSMsgType, web

from ending import serve_until_released

# It never pings, and says that it need not.
OPEN = '0{"sid":"x","upgrades":[],"pingInterval":3600000,"pingTimeout":20000,"maxPayload":1000}'


async def serve(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(OPEN)
    async for message in socket:
        if message.type != WSMsgType.TEXT:
            continue
        text = message.data
        name = text[2:].split(",")[0].split("{")[0] or "/"
        if text.startswith("40"):
            if name == "/leaves":
                await socket.send_str("41/leaves,")
            elif name == "/no":
                await socket.send_str('44/no,{"message":"no"}')
            elif name != "/late":
                await socket.send_str("40" + (name + "," if name != "/" else "") + '{"sid":"s"}')
        if text.startswith("42/") and not text.startswith("42/,"):
            continue
        if text.startswith('42["answer"]'):
            await socket.send_str('40/late,{"sid":"late"}')
        if text.startswith('42["event"]'):
            await socket.send_str('42/late,["news",1]')
        if text.startswith('42["leave"]'):
            await socket.send_str("41")
        if name != "/" and text[:2] in ("40", "41"):
            await socket.send_str("42" + json.dumps(["heard", text[:2] + name]))
        if text.startswith('42["close"'):
            _, code, reason = json.loads(text[2:])
            await socket.close(code=code, message=reason.encode())
    return socket


async def main():
    app = web.Application()
    app.router.add_route("*", "/socket.io/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await serve_until_released(runner.addresses[0][1])


asyncio.run(main())
