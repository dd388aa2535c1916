"""A server that speaks Engine.IO in the way that the query's `case` names. Prints its port; ends with its standard input."""
import asyncio
import base64
import json
import re

from aiohttp import WSMsgType, web

from ending import serve_until_released

# It never pings, and says that it need not.
OPEN = '0{"sid":"x","upgrades":["websocket"],"pingInterval":3600000,"pingTimeout":20000,"maxPayload":1000}'
EVENT = '42["fine","hé"]'


async def recover(socket):
    """Gives three events with offsets and goes; who comes back with pid and offset gets the rest of them."""
    await socket.send_str(OPEN)
    async for message in socket:
        if message.type != WSMsgType.TEXT or not message.data.startswith("40"):
            continue
        asked = json.loads(message.data[2:] or "{}")
        if "pid" not in asked:
            await socket.send_str('40{"sid":"first","pid":"p1"}')
            await socket.send_str('42["news",1,"o-1"]')
            await socket.send_str('452-["news",{"a":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1},"o-2"]')
            await socket.send_bytes(b"one")
            await socket.send_bytes(b"two")
            return
        known = asked["pid"] == "p1" and asked.get("offset") == "o-2"
        await socket.send_str('40{"sid":"second","pid":"%s"}' % ("p1" if known else "p2"))
        if known:
            await socket.send_str('42["news",3,"o-3"]')
        await socket.send_str("42" + json.dumps(["asked", asked]))


def numbers(packets):
    return [int(number) for number in re.findall(r'42\["n",(\d+)\]', packets)]


async def serve(request):
    global poller
    case = request.query.get("case")
    if request.query["transport"] == "websocket":
        if case in ("no-websocket", "polling-only"):
            return web.Response(status=400, text="no sockets here")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if case == "recovery":
            await recover(socket)
        elif case == "wrong-probe":
            await socket.receive()
            await socket.send_str("4nonsense")
            # Whoever takes that for an answer waits for its poll to end before it moves.
            bodies.setdefault(case, asyncio.Queue()).put_nowait("6")
            await socket.receive()
        elif case == "moving":
            await socket.receive()
            await begun.wait()
            await socket.send_str("3probe")
            # The client's poll ends late, so that what it sends meanwhile has to wait for the move.
            await asyncio.sleep(0.2)
            bodies[case].put_nowait("6")
            async for message in socket:
                received.extend(numbers(message.data))
                if message.data == '42["done"]':
                    await socket.send_str("42" + json.dumps(["got", received]))
        elif case == "parts":
            await socket.receive()
            await parts_begun.wait()
            await socket.send_str("3probe")
            # The client polls no more once it has read that; until then it gets packets that say nothing.
            over.set()
            bodies[case].put_nowait("6")
            async for message in socket:
                if message.type == WSMsgType.BINARY:
                    parts["socket"].append(message.data[0])
                if len(parts["posts"]) + len(parts["socket"]) == PARTS:
                    await socket.send_str("42" + json.dumps(["parts", parts]))
        elif case in polled_again:
            await socket.receive()
            # The namespace is joined by polling, and the next poll is under way: it ends with a packet that says nothing.
            await polled_again[case].wait()
            # Both frames in one segment, or the second one while the client waits for its poll to end.
            answer, event = b"\x81\x063probe", b"\x81\x0d" + b'42["early",7]'
            if case == "eager-later":
                request.transport.write(answer)
                await asyncio.sleep(0.1)
                request.transport.write(event)
                await asyncio.sleep(0.1)
            else:
                request.transport.write(answer + event)
            bodies[case].put_nowait("6")
            async for _ in socket:
                pass
        elif case in ("deep", "deep-ack"):
            await socket.send_str(OPEN)
            await socket.receive()
            await socket.send_str('40{"sid":"y"}')
            await socket.send_str(("42[\"deep\"," if case == "deep" else "430[") + "[" * 100_000 + "]" * 100_000 + "]")
            await socket.receive()
        return socket
    if case == "error-page":
        return web.Response(status=404, text="This is the wrong service")
    if case == "version-3":
        return web.Response(text='96:0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":5000}2:40')
    if case == "not-packets":
        return web.Response(text="<html>hello</html>")
    if case == "large-headers":
        return web.Response(headers={f"X-{n}": "y" * 1000 for n in range(100)})
    if case == "refused":
        return web.Response(status=400, text='{"code":5,"message":"Unsupported protocol version"}')
    if "sid" not in request.query:
        return web.Response(text=OPEN.replace("1000}", "100000}") if case == "parts" else OPEN)
    if request.method == "POST":
        body = await request.text()
        if case == "moving":
            received.extend(numbers(body))
            if received:
                begun.set()
        if case == "parts" and body != "40":
            parts["posts"] += [base64.b64decode(packet[1:])[0] for packet in body.split("\x1e") if packet[0] == "b"]
            parts_begun.set()
            # There are far more than fit in the requests of the time that the client takes to read the answer to its probe.
            await asyncio.sleep(0.1)
            return web.Response(text="ok")
        if case == "slow-post" and "slow" in body:
            # The event says that the request is here; it is answered once the client polls no more, because it has left.
            bodies[case].put_nowait("40")
            while (transport := poller.transport) is not None and not transport.is_closing():
                await asyncio.sleep(0.01)
        if case != "moving" or body == "40":
            bodies.setdefault(case, asyncio.Queue()).put_nowait(body)
        if case == "post-refused":
            return web.Response(status=413, text="too much")
        return web.Response(text="ok")
    # A poll: first the namespace is joined, then what the case is about.
    if case == "slow-post":
        poller = request
    if case in polled_again:
        eager_polls[case] += 1
        if eager_polls[case] == 2:
            polled_again[case].set()
        elif eager_polls[case] > 2:
            # That packet overtook the answer to the probe.
            return web.Response(text="6")
    queue = bodies.setdefault(case, asyncio.Queue())
    if case == "parts" and parts_begun.is_set():
        await over.wait()
        return web.Response(text="6")
    body = await queue.get()
    if case == "pinged" and body == "40":
        return web.Response(text='40{"sid":"y"}\x1e2')
    if case == "pinged" and body != "3" and not body.startswith("42"):
        return web.Response(status=400, text="a pong was awaited")
    if "40" in body.split("\x1e") or body == "3":
        rest = {
            "lost": "",
            "bad-base64": "\x1e451-[\"blob\",{\"_placeholder\":true,\"num\":0}]\x1eb@@@",
            "close": "\x1e1",
            "long": "\x1e42[\"long\",\"" + "x" * 2_000_000 + "\"]",
        }.get(case, "\x1e" + EVENT + "\x1e451-[\"blob\",{\"_placeholder\":true,\"num\":0}]\x1ebAAEC")
        if case == "lost":
            queue.put_nowait("again")
        return web.Response(text=('' if body == "3" else '40{"sid":"y"}') + rest.lstrip("\x1e" if body == "3" else ""))
    if "still here" in body:
        return web.Response(text='42["heard"]')
    if case == "lost":
        return web.Response(status=400, text='{"code":1,"message":"Session ID unknown"}')
    return web.Response(text="6")


bodies = {}
# The last request to `slow-post` that waits for packets.
poller = None
# How many there were; set when the second of them is here.
eager_polls = {"eager": 0, "eager-later": 0}
polled_again = {case: asyncio.Event() for case in eager_polls}
# What came to `moving`, by either transport; set when the first of it is here.
received = []
begun = asyncio.Event()


# The attachments of the event of `parts`, by what brought them; the first of them is here; the probe is answered.
PARTS = 200
parts = {"posts": [], "socket": []}
parts_begun = asyncio.Event()
over = asyncio.Event()


async def main():
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/socket.io/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await serve_until_released(runner.addresses[0][1])


asyncio.run(main())
