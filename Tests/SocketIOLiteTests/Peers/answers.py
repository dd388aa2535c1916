"""Long-polling at the level of HTTP: answers that end, lose, redirect or carry things in the way that the query's `case` names.

What came is remembered for each case; a client of the case `log` gets it as an event. Prints its port; ends with its standard input.
"""
import asyncio
import json
from urllib.parse import parse_qs, urlsplit

from ending import serve_until_released

# It never pings, and says that it need not.
OPEN = b'0{"sid":"x","upgrades":[],"pingInterval":3600000,"pingTimeout":20000,"maxPayload":1000000}'
COOKIES = [
    "kept=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT",
    "past=x; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
    "past2=x; expires=Wednesday, 21-Oct-15 07:28:00 GMT; Path=/",
    "past3=x; Expires=Wed Oct 21 07:28:00 2015",
    "stays=2; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=3600",
    "odd=3; Expires=some day; Max-Age=soon",
]


class Case:
    """What one case has seen, and what its next poll brings."""

    def __init__(self, name):
        self.name = name
        self.log = []
        self.queue = asyncio.Queue()
        # Polls that are waiting for an answer.
        self.waiting = 0
        self.polls = 0

    def posted(self, body):
        packets = body.split(b"\x1e")
        first = packets[0][:2].decode()
        self.log.append({
            "post": [packet[:40].decode("utf-8", "replace") for packet in packets], "bytes": len(body), "polls": self.waiting})
        if first == "40":
            if self.name == "early":
                self.queue.put_nowait(b'42["early",1]\x1e451-["early",{"_placeholder":true,"num":0}]\x1ebAAEC')
            self.queue.put_nowait(b'40{"sid":"y"}\x1e42["fine",1]')
        if b"1" in packets:
            self.queue.put_nowait(b"6")
        for packet in packets:
            if packet.startswith(b'42["say"'):
                self.queue.put_nowait(b"42" + json.dumps(json.loads(packet[2:])[1:]).encode())


cases = {}


def respond(status, body, headers=(), version="HTTP/1.1"):
    lines = [f"{version} {status}", "Content-Type: text/plain; charset=UTF-8", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answer(case, method, query, head, body):
    """The body, and what to say beside it."""
    name = case.name
    if name == "log" and method == "GET" and "sid" in query and case.polls == 0:
        case.polls += 1
        of = cases.get(query["of"][0])
        return b'40{"sid":"y"}\x1e42' + json.dumps(["log", of.log if of else []]).encode(), []
    if method == "POST":
        case.posted(body)
        return b"ok", []
    if "sid" not in query:
        if name == "redirect":
            return None, ["HTTP/1.1 307 Temporary Redirect", "Location: https://elsewhere.example/socket.io/"]
        case.log.append({"head": head})
        case.queue = asyncio.Queue()
        return OPEN, [f"Set-Cookie: {cookie}" for cookie in COOKIES] if name == "cookies" else []
    case.polls += 1
    if name == "empty" and case.polls > 1:
        return b"", []
    case.waiting += 1
    try:
        packets = await case.queue.get()
    finally:
        case.waiting -= 1
    return packets, []


async def serve(reader, writer):
    served = 0
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        method, target, _ = lines[0].split(" ")
        query = parse_qs(urlsplit(target).query, keep_blank_values=True)
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        name = query.get("case", ["plain"])[0]
        key = name + query.get("of", [""])[0]
        if name == "log" and "sid" not in query:
            cases[key] = Case(name)
        case = cases.setdefault(key, Case(name))
        waits = asyncio.ensure_future(answer(case, method, query, lines, body))
        gone = asyncio.ensure_future(reader.read(1)) if method == "GET" and "sid" in query else None
        await asyncio.wait([task for task in (waits, gone) if task], return_when=asyncio.FIRST_COMPLETED)
        if not waits.done():
            waits.cancel()
            case.log.append({"poll": "closed before its answer"})
            writer.close()
            return
        if gone:
            gone.cancel()
            await asyncio.wait([gone])
        text, extra = waits.result()
        served += 1
        if text is None:
            writer.write("\r\n".join([*extra, "Content-Length: 0", "", ""]).encode())
        elif name == "http10":
            writer.write(respond("200 OK", text, [f"Content-Length: {len(text)}"], "HTTP/1.0"))
        elif name == "http10-no-length":
            writer.write(respond("200 OK", text, [], "HTTP/1.0"))
        else:
            last = name == "close" or (name == "third" and served == 3)
            extra = [*extra, "Connection: close"] if last else extra
            writer.write(respond("200 OK", text, [f"Content-Length: {len(text)}", *extra]))
        await writer.drain()
        # `dies` keeps connections alive, says nothing, and closes each poll's behind its answer.
        dies = name == "dies" and method == "GET"
        if name.startswith("http10") or name == "close" or (name == "third" and served == 3) or dies:
            writer.close()
            return


async def handle(reader, writer):
    try:
        await serve(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=10_000_000)
    await serve_until_released(server.sockets[0].getsockname()[1])


asyncio.run(main())
