"""A server that breaks the protocol in the way that the query's `case` names. Prints its port; ends with its standard input."""
import asyncio
import base64
import hashlib
import json
import struct
from urllib.parse import parse_qs, urlsplit

from ending import serve_until_released

# It never pings, and says that it need not.
OPEN = b'0{"sid":"x","upgrades":[],"pingInterval":3600000,"pingTimeout":20000,"maxPayload":100000000}'
CONNECTED = b'40{"sid":"y"}'


def frame(data, opcode=1, fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    size = len(data)
    if size < 126:
        return head + bytes([size]) + data
    if size < 65536:
        return head + bytes([126]) + struct.pack(">H", size) + data
    return head + bytes([127]) + struct.pack(">Q", size) + data


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    size = second & 127
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack(">Q", await reader.readexactly(8))
    mask = await reader.readexactly(4) if second & 128 else bytes(4)
    data = await reader.readexactly(size)
    return first & 15, bytes(byte ^ mask[index & 3] for index, byte in enumerate(data))


async def read_text(reader, prefix):
    while True:
        opcode, data = await read_frame(reader)
        if opcode == 1 and data.startswith(prefix):
            return data


# What is sent instead of, or after, the handshake. Each value is a list of frames.
BEFORE_CONNECT = {
    "no-sid": [frame(b'0{"upgrades":[],"pingInterval":25000,"pingTimeout":20000}')],
    "no-ping-interval": [frame(b'0{"sid":"x","pingTimeout":20000}')],
    "no-ping-timeout": [frame(b'0{"sid":"x","pingInterval":25000}')],
    "handshake-not-json": [frame(b"0hello")],
    "handshake-not-first": [frame(b'42["early"]')],
    "empty-message": [frame(b"")],
    "unknown-packet": [frame(b"9what")],
    "binary-first": [frame(b"\x01\x02", opcode=2)],
    "opened-twice": [frame(OPEN), frame(OPEN)],
    "version-2": [frame(OPEN), frame(b"40")],
    "huge-length": [frame(OPEN), bytes([0x81, 127]) + struct.pack(">Q", 1 << 30)],
    "reserved-bit": [frame(OPEN), bytes([0xC1, 1]) + b"2"],
    "unknown-opcode": [frame(OPEN), bytes([0x83, 1]) + b"2"],
    "close-after-open": [frame(OPEN), frame(b"", opcode=8)],
    "refused": [frame(OPEN), frame(b'44{"message":"go away","data":{"code":7}}')],
    "refused-bare": [frame(OPEN), frame(b'44"no"')],
    "refused-cut-text": [frame(OPEN), frame(b'44{"message":"cut \\ud83d","data":{"code":7,"text":"\\udc00!"}}')],
    "left-instead": [frame(OPEN), frame(b"41")],
    "expired": [frame(OPEN), frame(struct.pack(">H", 1008) + b"token expired", 8)],
}
# What comes between the client's CONNECT and the answer to it.
EARLY = {
    "early-events": [
        frame(b'42["early",1]'), frame(b'451-["early",{"_placeholder":true,"num":0}]'), frame(b"two", 2),
        frame(b'423["early",3]'), frame(b'42/unasked,["early",4]'), frame(b'40/unasked,{"sid":"z"}')],
}
AFTER_CONNECT = {
    "text-among-attachments": [frame(b'452-["blobs",{"_placeholder":true,"num":0}]'), frame(b"one", 2), frame(b'42["next"]')],
    "out-of-order": [
        frame(b'452-["blobs",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]'), frame(b"zero", 2), frame(b"one", 2)],
    "attachment-of-nothing": [frame(b"lonely", 2)],
    "too-many-attachments": [frame(b'4599999-["blobs"]')],
    "no-attachment-count": [frame(b'45["blobs"]')],
    "not-an-array": [frame(b'42{"a":1}')],
    "no-name": [frame(b"42[]")],
    "true-as-name": [frame(b"42[true]")],
    "unterminated": [frame(b'42["name')],
    "id-too-large": [frame(b'4299999999999999999999999["name"]')],
    "ack-without-id": [frame(b"43[]")],
    "continuation-of-nothing": [frame(b"x", 0)],
    "message-in-message": [frame(b'42["a', 1, False), frame(b'42["b"]')],
    "engine-close": [frame(b"1")],
    "socket-close": [frame(struct.pack(">H", 1011), 8)],
    "too-long-in-parts": [frame(b'42["long","', 1, False)] + [frame(b"x" * 60000, 0, False)] * 40,
    "too-big": [frame(struct.pack(">H", 1009) + b"message too big", 8)],
    "cut-reason": [frame(struct.pack(">H", 4002) + b"cut \xe2\x82", 8)],
    "no-reason": [frame(struct.pack(">H", 4001), 8)],
    "no-code": [frame(b"", 8)],
    "nan": [frame(b'42["numbers",{"x":NaN}]'), frame(b'42["fine","h\xc3\xa9"]')],
    "cut-text": [
        frame(b'42["cut","end \\ud83d","\\udc00\\ud83d\\ude00",{"\\uD800k":["\\\\ud83d"]}]'),
        frame(b'42["cut\\udfff",1]'), frame(b'42["bytes","a\xed\xa0\xbdb\xff"]'), frame(b'42["fine","h\xc3\xa9"]')],
    "number-names": [frame(b'42[%s,"named"]' % name) for name in (b"7", b"1.0", b"1e3", b"-0", b"0.5", b"1e21")],
    "duplicate-keys": [frame(b'42["twice",{"a":1,"b":{"x":1,"x":2},"a":3,"\\u0061":4,"a b":0}]')],
    # These are unusual but right: the event must arrive.
    "line-feed": [frame(b'42["fine","h\xc3\xa9"]\n')],
    "white-space": [frame(b'42 ["fine" , "h\xc3\xa9" ]\r\n ')],
    "split-frames": [frame(b'42["fi', 1, False), frame(b"", 9), frame(b'ne","h\xc3', 0, False), frame(b'\xa9"]', 0)],
    "duplicate-ack": [frame(b"430[1]"), frame(b"430[1]"), frame(b'42["fine","h\xc3\xa9"]')],
    "ping-flood": [frame(b"2")] * 2000 + [frame(b"", 9)] * 500 + [frame(b'42["fine","h\xc3\xa9"]')],
    "escaped-name": [frame(b'42[ "f\\u0069ne" , "h\\u00e9"]')],
}
# What comes last before the connection closes.
CUT_OFF = {
    "close-after-connect": b"",
    "close-in-head": bytes([0x81]),
    "close-in-frame": frame(b'42["fine"]')[:7],
    "close-in-message": frame(b'42["fi', 1, False),
    "close-among-attachments": frame(b'452-["blobs",{"_placeholder":true,"num":0}]') + frame(b"one", 2),
}
COOKIES = ["route=a=1; Path=/; HttpOnly", "old=x", "no cookie", "=nameless", "old=; Max-Age=0", "\tlast = z ;Secure"]


# Connections whose upgrade request is never answered.
unanswered = set()


async def expect_pongs(reader, writer):
    """Sends the event only if both kinds of ping were answered, the one of WebSocket with its own bytes."""
    writer.write(frame(b"2") + frame(b"are you there", 9))
    missing = [(1, b"3"), (10, b"are you there")]
    while missing:
        answer = await read_frame(reader)
        if answer not in missing:
            return
        missing.remove(answer)
    writer.write(frame(b'42["fine","h\xc3\xa9"]'))


async def serve(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    query = parse_qs(urlsplit(head.split(" ")[1]).query)
    case = query.get("case", [""])[0]
    if case == "not-http":
        writer.write(b"220 smtp.example.org ESMTP\r\n")
    elif case == "error-page":
        page = b"<html>This is the wrong service</html>"
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
    elif case == "large-headers":
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(100)) + b"\r\n")
    elif case == "close-at-once":
        pass
    elif case == "close-in-upgrade":
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs")
    elif case == "until-end":
        await reader.read()
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nend")
    elif case == "never-answers":
        unanswered.add(writer)
        await reader.read()
        unanswered.discard(writer)
    else:
        key = next(line.split(":", 1)[1].strip() for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        if case == "wrong-accept":
            key = "wrong"
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        upgrade = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        if case == "cookies":
            upgrade = upgrade[:-2] + "".join(f"Set-Cookie: {value}\r\n" for value in COOKIES) + "\r\n"
        if case == "drip":
            # Everything byte by byte, handshake included: no reader may rely on how bytes are cut.
            for byte in upgrade.encode() + frame(OPEN):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            await read_text(reader, b"40")
            for byte in frame(CONNECTED) + frame(b'42["fine","h\xc3\xa9"]'):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            await read_text(reader, b"41")
        else:
            # The first frames travel with the upgrade's answer, as they do from fast servers.
            writer.write(upgrade.encode() + b"".join(BEFORE_CONNECT.get(case, [frame(OPEN)])))
            if case == "silent-after-open" or case in BEFORE_CONNECT:
                await reader.read()
            else:
                await read_text(reader, b"40")
                writer.write(b"".join(EARLY.get(case, [])) + frame(CONNECTED) + b"".join(AFTER_CONNECT.get(case, [])))
                if case == "cookies":
                    came = [line.split(":", 1)[1].strip() for line in head.split("\r\n") if line.lower().startswith("cookie:")]
                    writer.write(frame(b"42" + json.dumps(["cookies", came]).encode()))
                if case == "waiting":
                    writer.write(frame(b'42["waiting",%d]' % len(unanswered)))
                if case == "pinged":
                    await expect_pongs(reader, writer)
                if case == "foreign-ack":
                    await read_text(reader, b'420["ask"]')
                    writer.write(frame(b'43/other,0["wrong"]') + frame(b'430["right"]'))
                if case == "early-events":
                    await read_text(reader, b"433[")
                    writer.write(frame(b'42["fine","h\xc3\xa9"]'))
                if case == "too-big-event":
                    await read_text(reader, b"42")
                    writer.write(frame(struct.pack(">H", 1009) + b"message too big", 8))
                if case == "never-reads":
                    await asyncio.sleep(3600)
                if case in CUT_OFF:
                    writer.write(CUT_OFF[case])
                    writer.close()
                    return
                await read_text(reader, b"41")
    await writer.drain()
    writer.close()


async def handle(reader, writer):
    try:
        await serve(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    await serve_until_released(server.sockets[0].getsockname()[1])


asyncio.run(main())
