"""A proxy that makes tunnels and takes every host for this machine. Prints its port; ends with its standard input."""
import asyncio
import base64
import sys

from ending import serve_until_released

# usage: proxy.py [USER:PASSWORD]
wanted = f"Basic {base64.b64encode(sys.argv[1].encode()).decode()}" if len(sys.argv) > 1 else None


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def handle(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, _ = head.split("\r\n")[0].split(" ")
    host, port = target.rsplit(":", 1)
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    refusal = None
    if method != "CONNECT":
        refusal = b"405 Method Not Allowed"
    elif host.startswith("forbidden"):
        refusal = b"403 Forbidden"
    elif wanted and headers.get("Proxy-Authorization") != wanted:
        refusal = b"407 Proxy Authentication Required"
    if refusal:
        page = b"not through this proxy"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (refusal, len(page), page))
        await writer.drain()
        return writer.close()
    server_reader, server_writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    await serve_until_released(server.sockets[0].getsockname()[1])


asyncio.run(main())
