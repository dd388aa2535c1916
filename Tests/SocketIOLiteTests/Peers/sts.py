"""A speech-to-speech service as the articles' examples want one, on python-socketio. Prints its port on stdout; ends when its standard
input does. usage: sts.py [CERTIFICATE KEY]"""
import asyncio
import ssl
import sys

import socketio
from aiohttp import web

from ending import serve_until_released

sio = socketio.AsyncServer(async_mode="aiohttp", ping_interval=25, ping_timeout=120)


@sio.on("stream:init")
async def begin(sid, stream):
    async def ask():
        language = await sio.call("language", stream["stream_id"], to=sid, timeout=60)
        await sio.emit("stream:ready", {"stream_id": stream["stream_id"], "target_language": language}, to=sid)

    sio.start_background_task(ask)


@sio.on("fragment:data")
async def fragment(sid, fragment):
    processed = {"fragment_id": fragment["fragment_id"], "transcript": "one two", "dubbed_audio": fragment.get("audio", b"")}
    await sio.emit("fragment:processed", processed, to=sid)
    return {"fragment_id": fragment["fragment_id"], "status": "queued"}


@sio.on("restart")
async def restart(sid):
    await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, "/"))


@sio.on("connect", namespace="/admin")
async def admin(sid, environ, auth=None):
    if not isinstance(auth, dict) or auth.get("token") != "secret":
        raise socketio.exceptions.ConnectionRefusedError("not allowed", {"code": "UNAUTHORIZED"})
    sio.start_background_task(sio.emit, "alert", "the disk is nearly full", to=sid, namespace="/admin")


async def main():
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*sys.argv[1:])
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    await serve_until_released(runner.addresses[0][1])


asyncio.run(main())
