"""The Socket.IO side: sessions, their segments in order, and answers to everybody."""

import asyncio
import base64
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Any

import socketio
from aiohttp import web

from . import voice
from .faults import Faults
from .words import text_for

NAMESPACE = "/speech"
#: More waiting than this, and the worker is told to slow down.
_WAITING = 4
_log = logging.getLogger("speaker")


@dataclass
class Session:
    name: str
    language: str
    length_ms: int = 0
    count: int = 0
    queue: asyncio.Queue = field(default_factory=asyncio.Queue)
    held: dict[int, dict[str, Any]] = field(default_factory=dict)  # answers that wait for a later one, by that one's index


@dataclass(frozen=True)
class Segment:
    identifier: str
    index: int
    media: dict[str, Any]

    @property
    def data(self) -> bytes:
        return bytes(self.media["bytes"])

    @property
    def length_s(self) -> float:
        return self.media["length_ms"] / 1000


class Refused(Exception):
    """A payload that is not what it should be."""

    def __init__(self, code: str, text: str):
        super().__init__(text)
        self.code = code


class Speaker(socketio.AsyncNamespace):
    """Answers go to the whole namespace: whoever listens hears all of them."""

    def __init__(self, key: str, faults: Faults):
        super().__init__(NAMESPACE)
        self._key, self.faults = key, faults
        self._sessions: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task] = {}
        # One core is left for the media.
        self._cores = asyncio.Semaphore(max(1, (os.cpu_count() or 2) - 1))

    # python-socketio calls on_<event>; these events' names have dots, which no method's can.
    async def trigger_event(self, event: str, *args: Any) -> Any:
        handlers = {
            "connect": self._connect,
            "session.open": self._open,
            "segment": self._segment,
            "session.close": self._close,
        }
        if event not in handlers:
            return None
        try:
            return await handlers[event](*args)
        except Refused as error:
            payload = args[1] if len(args) > 1 and isinstance(args[1], dict) else {}
            names = {key: payload[key] for key in ("session", "id") if isinstance(payload.get(key), str)}
            _log.warning("%s is refused: %s: %s", event, error.code, error)
            await self._say("fault", {"code": error.code, "text": str(error), "weight": "low", "again": False, **names})
            return None

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=1.0)

    async def _say(self, event: str, payload: dict[str, Any]) -> None:
        await self.emit(event, payload)

    async def _connect(self, _sid: str, _environ: dict[str, Any], auth: Any = None) -> None:
        if not isinstance(auth, dict) or auth.get("key") != self._key:
            raise socketio.exceptions.ConnectionRefusedError("BAD_KEY: connect with auth {key: …}")

    async def _open(self, _sid: str, payload: Any) -> None:
        name = _text(payload, "session")
        if name in self._tasks:  # the same one after a reconnect: what it asked before, it asks again
            self._tasks.pop(name).cancel()
        session = self._sessions[name] = Session(name, _text(payload, "to"))
        self._tasks[name] = asyncio.create_task(self._answer_all(session))
        _log.info("%s: opened, to %s", name, session.language)
        await self._say("session.opened", {"session": name, "window": 2})

    async def _segment(self, _sid: str, payload: Any) -> None:
        session = self._sessions.get(_text(payload, "session"))
        if session is None:
            raise Refused("NO_SESSION", f"{payload.get('session')} was not opened")
        index, media = payload.get("index"), payload.get("media")
        if type(index) is not int or type(payload.get("at")) is not int:
            raise Refused("BAD_AUDIO", f"index and at must be whole numbers, not {index!r} and {payload.get('at')!r}")
        if not isinstance(media, dict) or not isinstance(media.get("bytes"), (bytes, bytearray)):
            raise Refused("BAD_AUDIO", "media.bytes must be an attachment")
        if type(media.get("length_ms")) is not int or media["length_ms"] <= 0:
            raise Refused("BAD_AUDIO", f"media.length_ms must be a whole number above 0, not {media.get('length_ms')!r}")
        identifier = _text(payload, "id")
        session.queue.put_nowait(Segment(identifier, index, media))
        waiting = session.queue.qsize()
        await self._say("segment.queued", {"id": identifier, "position": waiting})
        if (delay_ms := self.faults.delay_ms or (2000 if waiting > _WAITING else 0)) > 0:
            level = "high" if waiting > _WAITING else "low"
            slow = {"session": session.name, "recommended_delay_ms": delay_ms, "level": level, "waiting": waiting}
            await self._say("slow.down", slow)

    async def _close(self, _sid: str, payload: Any) -> None:
        session = self._sessions.get(_text(payload, "session"))
        if session is not None:
            session.queue.put_nowait(None)

    async def _answer_all(self, session: Session) -> None:
        while (segment := await session.queue.get()) is not None:
            session.count += 1
            session.length_ms += segment.media["length_ms"]
            if self.faults.hits("drop", segment.index):
                _log.info("%s: %s is not answered, as asked", session.name, segment.identifier)
                continue
            answer = {"id": segment.identifier, "session": session.name, "index": segment.index}
            answer.update(await self._answer(session, segment))
            later = self.faults.holds_back(segment.index)
            if later is not None:
                session.held[later] = answer
                continue
            await self._say("segment.dubbed", answer)
            if (held := session.held.pop(segment.index, None)) is not None:
                await self._say("segment.dubbed", held)
        for held in session.held.values():
            await self._say("segment.dubbed", held)
        await self._say(
            "session.closed", {"session": session.name, "count": session.count, "length_ms": session.length_ms}
        )
        _log.info("%s: closed after %d segments", session.name, session.count)
        if self._sessions.get(session.name) is session:
            del self._sessions[session.name], self._tasks[session.name]

    async def _answer(self, session: Session, segment: Segment) -> dict[str, Any]:
        begun = time.monotonic()
        if self.faults.hits("fail", segment.index):
            fault = {"code": "ENGINE_BUSY", "text": "asked to fail", "step": "speak", "again": True}
            return {"state": "failed", "took_ms": 0, "fault": fault}
        try:
            async with self._cores:
                await self._say("segment.progress", {"id": segment.identifier, "percent": 50})
                return {**await self._dub(session, segment), "took_ms": _ms_since(begun)}
        except (voice.VoiceError, OSError, asyncio.TimeoutError) as error:
            _log.error("%s: segment %d cannot be dubbed: %s", session.name, segment.index, error or "timeout")
            fault = {"code": "ENGINE_DOWN", "text": str(error) or "timeout", "step": "speak", "again": True}
            return {"state": "failed", "took_ms": _ms_since(begun), "fault": fault}

    async def _dub(self, session: Session, segment: Segment) -> dict[str, Any]:
        state, said, length_s = "done", "", segment.length_s
        rate, channels = 22_050, 1
        if self.faults.hits("passthrough", segment.index):
            sound = await voice.unchanged(segment.data)
            rate, channels = segment.media.get("rate"), segment.media.get("channels")
        elif self.faults.hits("silent", segment.index):
            sound = await voice.silence(length_s)
        else:
            if self.faults.hits("partial", segment.index):
                state, length_s = "partial", length_s / 2
            said = text_for(segment.index, segment.data, 8)
            sound, length_s = await voice.spoken(said, session.language, length_s)
        media = {
            "container": "mp4", "rate": rate, "channels": channels, "length_ms": round(length_s * 1000),
            "bytes": base64.b64encode(sound).decode("ascii"),
        }
        return {"state": state, "media": media, "said": said, "lang": session.language}


def _ms_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _text(payload: Any, key: str) -> str:
    value = payload.get(key) if isinstance(payload, dict) else None
    if not isinstance(value, str) or not value:
        raise Refused("NO_SESSION" if key == "session" else "BAD_AUDIO", f"{key} is missing")
    return value


def application(key: str, faults: Faults) -> tuple[web.Application, Speaker]:
    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=[], max_http_buffer_size=8_000_000)
    speaker = Speaker(key, faults)
    server.register_namespace(speaker)
    app = web.Application()
    server.attach(app)

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def set_faults(request: web.Request) -> web.Response:
        """POST /faults {"fault": "silent"}: from the next segment on."""
        try:
            speaker.faults = Faults.parse((await request.json())["fault"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"status": "ok"})

    async def end(_app: web.Application) -> None:
        await speaker.stop()

    app.add_routes([web.get("/health", health), web.post("/faults", set_faults)])
    app.on_shutdown.append(end)
    return app, speaker
