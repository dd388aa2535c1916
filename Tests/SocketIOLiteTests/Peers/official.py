"""Does what the server does that the official JavaScript client's own tests talk to. Prints its port; ends with its standard input.

With SOCKETIO_OFFICIAL_URL the tests talk to the real one instead. What python-socketio cannot do, recovery of a session, is in odd.py.
"""
import asyncio
from datetime import datetime, timezone
from urllib.parse import parse_qs

import socketio
from aiohttp import web

from ending import serve_until_released

sio = socketio.AsyncServer(
    async_mode="aiohttp", cors_allowed_origins="*", ping_interval=25, ping_timeout=120,
    namespaces=["/", "/foo", "/timeout_socket", "/valid", "/asd", "/abc", "/no"])
handshakes = {}


def now():
    return datetime.now(timezone.utc).isoformat()


def handshake(environ, auth):
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()}
    return {"query": query, "auth": auth or {}}


@sio.on("connect")
async def connect(sid, environ, auth=None):
    handshakes[sid] = handshake(environ, auth)
    if "fail" in handshakes[sid]["query"]:
        raise socketio.exceptions.ConnectionRefusedError("Auth failed (main namespace)")


@sio.on("connect", namespace="/abc")
async def connect_abc(sid, environ, auth=None):
    await sio.emit("handshake", handshake(environ, auth), to=sid, namespace="/abc")


@sio.on("connect", namespace="/no")
async def connect_no(sid, environ, auth=None):
    raise socketio.exceptions.ConnectionRefusedError("Auth failed (custom namespace)")


@sio.on("getId", namespace="/foo")
@sio.on("getId")
async def get_id(sid):
    return sid


@sio.on("hi")
async def hi(sid):
    await sio.emit("hi", to=sid)


@sio.on("echo")
async def echo(sid, value):
    return value


@sio.on("ack")
async def ask(sid):
    async def answered(*answer):
        if answer == (5, {"test": True}):
            await sio.emit("got it", to=sid)

    await sio.emit("ack", to=sid, callback=answered)
    # No answer to the event itself, as a handler without a callback in JavaScript.
    await asyncio.Event().wait()


@sio.on("getAckDate")
async def get_ack_date(sid, data):
    return now()


@sio.on("getDate")
async def get_date(sid):
    await sio.emit("takeDate", now(), to=sid)


@sio.on("getDateObj")
async def get_date_in_object(sid):
    await sio.emit("takeDateObj", {"date": now()}, to=sid)


@sio.on("getUtf8")
async def get_utf8(sid):
    for text in ("てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"):
        await sio.emit("takeUtf8", text, to=sid)


@sio.on("false")
async def false(sid):
    await sio.emit("false", False, to=sid)


@sio.on("doge")
async def doge(sid):
    await sio.emit("doge", b"asdfasdf", to=sid)


@sio.on("getbin")
async def get_binary(sid):
    await sio.emit("takebin", b"asdfasdf", to=sid)


@sio.on("buffa")
async def buffer(sid, data):
    if isinstance(data, bytes):
        await sio.emit("buffack", to=sid)


@sio.on("jsonbuff")
async def buffer_in_json(sid, data):
    if data["hello"] == "lol" and isinstance(data["message"], bytes) and data["goodbye"] == "gotcha":
        await sio.emit("jsonbuff-ack", to=sid)


@sio.on("abuff1")
async def first_buffer(sid, data):
    handshakes[sid]["first"] = isinstance(data, bytes)


@sio.on("abuff2")
async def second_buffer(sid, data):
    if handshakes[sid].get("first"):
        await sio.emit("abuff2-ack", to=sid)


@sio.on("getHandshake")
async def get_handshake(sid):
    return handshakes[sid]


@sio.on("unknown")
async def unknown(sid, *arguments):
    await asyncio.Event().wait()


async def main():
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await serve_until_released(runner.addresses[0][1])


asyncio.run(main())
