"""A real Socket.IO server for the tests. Prints its port on stdout; ends when its standard input does."""
import argparse
import asyncio
import os
import ssl
from urllib.parse import quote

import engineio
import socketio
from aiohttp import web

from ending import serve_until_released

options = argparse.ArgumentParser()
options.add_argument("--port", type=int, default=0)
options.add_argument("--ping-interval", type=float, default=25)
options.add_argument("--ping-timeout", type=float, default=120)
options.add_argument("--path", default="/socket.io/")
options.add_argument("--host", default="127.0.0.1")
options.add_argument("--max-payload", type=int, default=60_000_000)
options.add_argument("--certificate", help="PEM; serve TLS with it")
options.add_argument("--key")
options.add_argument("--one-a-poll", action="store_true", help="answer a poll with one packet, as the official server's flush does")
options.add_argument("--close", action="store_true", help="close the connection after each answer")
options = options.parse_args()

sio = socketio.AsyncServer(
    async_mode="aiohttp",
    cors_allowed_origins="*",
    ping_interval=options.ping_interval,
    ping_timeout=options.ping_timeout,
    max_http_buffer_size=options.max_payload,
)
environments = {}
posts = 0
notes = {}


def wire(namespace):
    def on(name):
        return sio.on(name, namespace=namespace)

    @on("connect")
    async def connect(sid, environ, auth=None):
        environments[sid] = {
            "auth": auth,
            "query": environ["QUERY_STRING"],
            "header": environ.get("HTTP_X_TEST"),
            "path": environ["PATH_INFO"],
        }
        if isinstance(auth, dict) and auth.get("token") == "bad":
            raise socketio.exceptions.ConnectionRefusedError("bad token", {"code": "UNAUTHORIZED", "retry": False})

    @on("echo")
    async def echo(sid, *arguments):
        return arguments if len(arguments) != 1 else arguments[0]

    @on("whoami")
    async def whoami(sid):
        return environments[sid]

    @on("say")
    async def say(sid, name, *arguments):
        await sio.emit(name, arguments, to=sid, namespace=namespace)

    @on("count")
    async def count(sid, number, size):
        text = "x" * size
        for index in range(number):
            await sio.emit("counted", {"index": index, "text": text}, to=sid, namespace=namespace)

    @on("binary")
    async def binary(sid):
        await sio.emit("blobs", ({"a": b"one", "nested": [b"\x00\xff", {"b": b""}]}, "text", b"last"), to=sid, namespace=namespace)

    @on("blob")
    async def blob(sid, index, data):
        await sio.emit("blob-back", (index, data[::-1]), to=sid, namespace=namespace)

    @on("lengths")
    async def lengths(sid, *arguments):
        return [len(argument) if isinstance(argument, bytes) else argument for argument in arguments]

    @on("ask")
    async def ask(sid, question):
        async def call():
            answer = await sio.call("question", question, to=sid, namespace=namespace, timeout=60)
            await sio.emit("answered", answer, to=sid, namespace=namespace)

        sio.start_background_task(call)

    @on("transport")
    async def transport(sid):
        return sio.eio.transport(sio.manager.eio_sid_from_sid(sid, namespace))

    @on("posts")
    async def read_posts(sid):
        return posts

    @on("never")
    async def never(sid, *arguments):
        await asyncio.sleep(3600)

    @on("note")
    async def note(sid, key, value):
        notes.setdefault(key, []).append(value)

    @on("notes")
    async def read_notes(sid, key):
        return notes.get(key, [])

    @on("flaky")
    async def flaky(sid, key, answers_from):
        # Answers only from the given attempt on.
        notes.setdefault(key, []).append("attempt")
        if len(notes[key]) < answers_from:
            await asyncio.sleep(3600)
        return len(notes[key])

    @on("kick")
    async def kick(sid):
        await sio.disconnect(sid, namespace=namespace)

    @on("drop")
    async def drop(sid):
        # The transport goes without a word of Socket.IO, as it does when a proxy restarts.
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, namespace))

    @on("freeze")
    async def freeze(sid):
        os.kill(os.getpid(), 19)


wire("/")
wire("/sts")


async def health(request):
    return web.Response(text="fine " + "x" * int(request.query.get("size", 0)))


@web.middleware
async def count_posts(request, handler):
    global posts
    if request.method == "POST":
        posts += 1
    return await handler(request)


@web.middleware
async def close_after_answer(request, handler):
    response = await handler(request)
    if options.close and not response.prepared:
        response.force_close()
    return response


async def poll_one(self):
    packet = await asyncio.wait_for(self.queue.get(), self.server.ping_interval + self.server.ping_timeout)
    self.queue.task_done()
    return [] if packet is None else [packet]


async def length(request):
    return web.Response(text=str(len(await request.read())))


async def main():
    app = web.Application(client_max_size=60_000_000, middlewares=[count_posts, close_after_answer])
    if options.one_a_poll:
        engineio.async_socket.AsyncSocket.poll = poll_one
    sio.attach(app, socketio_path=quote(options.path))
    app.router.add_get("/health", health)
    app.router.add_post("/length", length)
    runner = web.AppRunner(app)
    await runner.setup()
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)
    site = web.TCPSite(runner, options.host, options.port, ssl_context=tls)
    await site.start()
    await serve_until_released(runner.addresses[0][1])


asyncio.run(main())
