"""The control API: MediaMTX's paths list, read-only."""
import asyncio
import json
import urllib.parse

from .log import log

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
TIMEOUT = 10.0
DEFAULT_PAGE = 100


def page_of(items, query):
    """MediaMTX's pagination; raises ValueError for a page that cannot be."""
    size = int(query.get("itemsPerPage", [DEFAULT_PAGE])[0])
    page = int(query.get("page", [0])[0])
    if size < 1 or page < 0:
        raise ValueError("itemsPerPage must be at least 1 and page at least 0")
    return {"itemCount": len(items), "pageCount": -(-len(items) // size),
            "items": items[page * size:(page + 1) * size]}


def respond(registry, method, target):
    """Status and JSON body of a request."""
    if method not in ("GET", "HEAD"):
        return 405, {"error": f"{method} is not offered: this API is read-only"}
    url = urllib.parse.urlsplit(target)
    route = urllib.parse.unquote(url.path)
    if route == "/healthz":
        return 200, {"status": "ok", "paths": len(registry.names())}
    if route == "/v3/paths/list":
        try:
            items = [registry.get(name).info() for name in registry.names()]
            return 200, page_of(items, urllib.parse.parse_qs(url.query))
        except ValueError as error:
            return 400, {"error": str(error)}
    if route.startswith("/v3/paths/get/"):
        path = registry.get(route.removeprefix("/v3/paths/get/").strip("/"))
        return (200, path.info()) if path else (404, {"error": "path not found"})
    return 404, {"error": f"no such route: {route}"}


def handler(registry):
    async def handle(reader, writer):
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)
            words = head.split(b"\r\n")[0].decode("ascii").split()
            if len(words) != 3 or not words[2].startswith("HTTP/"):
                raise ValueError(f"not an HTTP request: {head[:80]!r}")
            code, document = respond(registry, words[0], words[1])
            body = json.dumps(document).encode()
            writer.write(f"HTTP/1.1 {code} {REASONS[code]}\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
            if words[0] == "GET":
                writer.write(body)
            await asyncio.wait_for(writer.drain(), TIMEOUT)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (asyncio.TimeoutError, asyncio.LimitOverrunError, ValueError) as error:
            log("api connection closed, malformed input:", error or "no complete request in time")
        finally:
            writer.close()
    return handle
