"""python-socketio under the web server that the argument names. Prints its port; ends with its standard input.

Handlers are written once, as coroutines: those of a server without asyncio never wait for anything that is awaitable, so that they
run through when they are begun.
"""
import asyncio
import inspect
import os
import socket
import sys
import threading

import socketio

MODES = {
    "aiohttp": "aiohttp", "uvicorn": "asgi", "hypercorn": "asgi", "tornado": "tornado",
    "werkzeug": "threading", "gevent": "gevent", "eventlet": "eventlet",
}
name = sys.argv[1]
mode = MODES[name]
isolated = mode in ("threading", "gevent", "eventlet")
settings = {"async_mode": mode, "cors_allowed_origins": "*", "ping_timeout": 120}
sio = socketio.Server(**settings) if isolated else socketio.AsyncServer(**settings)
ended = {}
queries = {}
notes = {}
released = set()


async def done(value):
    return await value if inspect.isawaitable(value) else value


def begun(handler):
    if not isolated:
        return handler

    def run(*arguments):
        coroutine = handler(*arguments)
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        raise RuntimeError(f"{handler.__name__} waits for something, which no handler may here")

    return run


def on(event, namespace="/"):
    return lambda handler: sio.on(event, namespace=namespace)(begun(handler))


def parameter(environ, key):
    from urllib.parse import parse_qs
    return parse_qs(environ.get("QUERY_STRING", "")).get(key, [None])[0]


@on("connect")
async def connect(sid, environ, auth=None):
    queries[sid] = {
        "key": parameter(environ, "key"), "token": parameter(environ, "token"), "host": environ.get("HTTP_HOST"), "auth": auth}
    if parameter(environ, "early"):
        # All before this handler returns, and so before the answer to CONNECT.
        async def answered(value=None):
            await done(sio.emit("answered", value, to=sid))

        await done(sio.emit("early", (1, b"\x00\x01"), to=sid))
        await done(sio.emit("question", 2, to=sid, callback=begun(answered)))


@on("connect", "/slow")
async def connect_slowly(sid, environ, auth=None):
    # Until `release` is asked for with its key, or nobody does.
    key = parameter(environ, "key")
    for _ in range(6_000):
        if key in released:
            return
        await done(sio.sleep(0.01))


@on("release")
async def release(sid, key):
    released.add(key)
    return True


@on("disconnect", "/slow")
async def left_slow(sid, reason=None):
    notes.setdefault("slow", []).append(0)


# Handlers of Debian's version get no reason; whoever accepts one gets it.
async def disconnect(sid, reason=None):
    ended[queries.get(sid, {}).get("key")] = reason or "no reason given"


on("disconnect")(disconnect)


@on("ended")
async def read_ended(sid, key):
    return ended.get(key)


@on("whoami")
async def whoami(sid):
    return queries[sid]


@on("echo")
async def echo(sid, *arguments):
    return arguments if len(arguments) != 1 else arguments[0]


@on("say")
async def say(sid, event, *arguments):
    await done(sio.emit(event, arguments, to=sid))


@on("odd")
async def odd(sid):
    await done(sio.emit("cut", "end \ud83d", to=sid))
    await done(sio.emit("nan", float("nan"), to=sid))
    await done(sio.emit("after", 1, to=sid))


@on("large")
async def large(sid, size):
    await done(sio.emit("large", ("x" * size, b"y" * size), to=sid))


@on("note")
async def note(sid, key, *arguments):
    notes.setdefault(key, []).append(len(arguments[-1]) if arguments else 0)


@on("notes")
async def read_notes(sid, key):
    return notes.get(key, [])


@on("transport")
async def transport(sid):
    return sio.eio.transport(sio.manager.eio_sid_from_sid(sid, "/"))


def listener():
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    bound.listen(128)
    bound.setblocking(False)
    return bound


def say_port(port):
    print(port, flush=True)


async def serve_aiohttp():
    from aiohttp import web
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say_port(runner.addresses[0][1])
    await asyncio.Event().wait()


async def serve_uvicorn():
    import uvicorn
    bound = listener()
    server = uvicorn.Server(uvicorn.Config(socketio.ASGIApp(sio), log_level="critical"))
    say_port(bound.getsockname()[1])
    await server.serve(sockets=[bound])


async def serve_hypercorn():
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    bound = listener()
    config = Config()
    config.bind = [f"fd://{bound.fileno()}"]
    config.errorlog = None
    say_port(bound.getsockname()[1])
    await serve(socketio.ASGIApp(sio), config, shutdown_trigger=asyncio.Event().wait)


async def serve_tornado():
    import tornado.httpserver
    import tornado.web
    app = tornado.web.Application([(r"/socket.io/", socketio.get_tornado_handler(sio))])
    bound = listener()
    tornado.httpserver.HTTPServer(app).add_sockets([bound])
    say_port(bound.getsockname()[1])
    await asyncio.Event().wait()


def serve_werkzeug():
    import logging
    from werkzeug.serving import make_server
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = make_server("127.0.0.1", 0, socketio.WSGIApp(sio), threaded=True)
    say_port(server.server_port)
    server.serve_forever()


def serve_gevent():
    from gevent import pywsgi
    from geventwebsocket.handler import WebSocketHandler
    server = pywsgi.WSGIServer(("127.0.0.1", 0), socketio.WSGIApp(sio), handler_class=WebSocketHandler, log=None, error_log=None)
    server.start()
    say_port(server.server_port)
    server.serve_forever()


def serve_eventlet():
    import eventlet
    import eventlet.wsgi
    bound = eventlet.listen(("127.0.0.1", 0))
    say_port(bound.getsockname()[1])
    eventlet.wsgi.server(bound, socketio.WSGIApp(sio), log_output=False)


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
serve = globals()[f"serve_{name}"]
if isolated:
    serve()
else:
    asyncio.run(serve())
