"""The control API: MediaMTX's paths list, read-only."""
import asyncio
import json
import re
import urllib.parse

from .generation import Generation
from .log import log

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}
TIMEOUT = 10.0
DEFAULT_PAGE = 100


def number(query, name, default):
    text = query.get(name, [""])[0]
    if text and (not re.fullmatch(r"\d{1,10}", text) or int(text) >= 2**31):
        raise ValueError(f"parsing {text[:40]!r}: invalid syntax")
    return int(text) if text else default


def page_of(items, query):
    """MediaMTX's pagination: a page too far is empty; raises ValueError for a page that cannot be."""
    size, page = number(query, "itemsPerPage", DEFAULT_PAGE), number(query, "page", 0)
    if size == 0:
        raise ValueError("invalid items per page")
    return {"itemCount": len(items), "pageCount": -(-len(items) // size),
            "items": items[page * size:(page + 1) * size]}


def failure(code, text):
    return code, {"status": "error", "error": text}


def respond(registry, method, target, generation=None):
    """Status and JSON body of a request; no body where MediaMTX's is not JSON."""
    generation = generation or Generation()
    url = urllib.parse.urlsplit(target)
    route = urllib.parse.unquote(url.path)
    if method != "GET":
        return 404, None
    if route == "/healthz":                              # the relay's own: what its health check asks
        return 200, {"status": "ok", "paths": len(registry.names())}
    if route == "/v3/paths/list":
        try:
            items = [registry.get(name).info(generation) for name in registry.names()]
            return 200, page_of(items, urllib.parse.parse_qs(url.query))
        except ValueError as error:
            return failure(400, str(error))
    if route.startswith("/v3/paths/get/"):
        path = registry.get(route.removeprefix("/v3/paths/get/"))
        return (200, path.info(generation)) if path else failure(404, "path not found")
    return 404, None


def handler(registry):
    generation = Generation()

    async def handle(reader, writer):
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)
            words = head.split(b"\r\n")[0].decode("ascii").split()
            if len(words) != 3 or not words[2].startswith("HTTP/"):
                raise ValueError(f"not an HTTP request: {head[:80]!r}")
            code, document = respond(registry, words[0], words[1], generation)
            kind, body = "application/json", json.dumps(document).encode()
            if document is None:
                kind, body = "text/plain", b"404 page not found"
            writer.write(f"HTTP/1.1 {code} {REASONS[code]}\r\nContent-Type: {kind}\r\n"
                         f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
            if words[0] != "HEAD":
                writer.write(body)
            await asyncio.wait_for(writer.drain(), TIMEOUT)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (asyncio.TimeoutError, asyncio.LimitOverrunError, ValueError) as error:
            log("api connection closed, malformed input:", error or "no complete request in time")
        finally:
            writer.close()
    return handle
