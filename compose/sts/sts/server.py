"""The Socket.IO events of the contract, between workers and the engine pool."""
import asyncio
import time
import uuid
from collections import deque

from . import contract
from .contract import Refused
from .log import log
from .stream import ACCEPTED, PENDING, PRESSURE_ACTIONS, Stream, pressure_level

KEEP_STREAM = 120.0                     # s after its end or its worker's loss, for fragments that are sent again


class Server:
    def __init__(self, sio, settings, pool):
        self.sio, self.settings, self.pool = sio, settings, pool
        self.streams = {}
        self.waiting = deque()          # (stream, fragment), all streams, first come first served
        self.work = asyncio.Condition()
        self.sending = {}               # stream -> lock that keeps its answers in order
        self.tasks = set()
        namespace = settings.namespace
        sio.on("connect", self.connect, namespace=namespace)
        sio.on("disconnect", self.disconnect, namespace=namespace)
        for event, handler in (("stream:init", self.init), ("fragment:data", self.fragment), ("fragment:ack", self.ack),
                               ("stream:pause", self.pause), ("stream:resume", self.resume), ("stream:end", self.end)):
            sio.on(event, self._guarded(event, handler), namespace=namespace)

    def _guarded(self, event, handler):
        async def guarded(session, *arguments):
            try:
                return await handler(session, arguments[0] if arguments else None)
            except Refused as refused:
                log(event, "refused:", refused.code, refused, f"(stream {refused.stream_id}, fragment {refused.fragment_id})")
                await self._emit("error", refused.payload(), session)
        return guarded

    def background(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _emit(self, event, payload, session):
        if session is not None:
            await self.sio.emit(event, payload, to=session, namespace=self.settings.namespace)

    # Connections and streams

    async def connect(self, session, environ, auth=None):
        from socketio.exceptions import ConnectionRefusedError as Denied
        if self.settings.auth_token and (not isinstance(auth, dict) or auth.get("token") != self.settings.auth_token):
            raise Denied({"code": "AUTH_FAILED", "message": "auth.token is missing or wrong", "retryable": False})
        if self.pool.about is None:
            raise Denied({"code": "MODEL_ERROR", "message": "the models are still being loaded", "retryable": True})
        log("connected", session)

    async def disconnect(self, session, *reason):
        log("disconnected", session)
        for stream in [s for s in self.streams.values() if s.session == session]:
            stream.session = None       # answers are kept for the worker's return
            self.background(self._forget_later(stream))

    async def init(self, session, payload):
        about = self.pool.about
        config = contract.parse_init(payload, self.settings.max_inflight, self.settings.asr_model, about["models"])
        for wanted, offered, what in ((config.source_language, about["source_languages"], "source_language"),
                                      (config.target_language, about["target_languages"], "target_language")):
            if offered and wanted not in offered:
                raise Refused("INVALID_CONFIG", f"{what} {wanted!r} is not offered, only {', '.join(offered)}",
                              stream_id=config.stream_id)
        stream = self.streams.get(config.stream_id)
        if stream and not stream.ending:
            stream.reopen(config, session)
        else:
            stream = self.streams[config.stream_id] = Stream(config, session)
        log("stream", config.stream_id, "opened by", config.worker_id or session)
        await self._emit("stream:ready", {
            "stream_id": config.stream_id, "session_id": str(uuid.uuid4()), "max_inflight": config.max_inflight,
            "capabilities": {"engine": self.settings.engine, "providers": about["providers"],
                             "asr_models": list(about["models"]), "binary_attachments": True,
                             "source_languages": list(about["source_languages"]),
                             "target_languages": list(about["target_languages"])}}, session)

    def _stream(self, payload):
        stream_id = contract.stream_id_of(payload)
        if stream_id not in self.streams:
            raise Refused("STREAM_NOT_FOUND", "send stream:init first", stream_id=stream_id)
        return self.streams[stream_id]

    async def pause(self, session, payload):
        self._stream(payload).paused = True

    async def resume(self, session, payload):
        self._stream(payload).paused = False
        await self._wake()

    async def end(self, session, payload):
        stream = self._stream(payload)
        stream.ending, stream.paused = True, False       # a paused stream's fragments are still due
        await self._wake()
        await self._complete(stream)

    async def ack(self, session, payload):
        """From the worker: `received` or `applied`. It carries no stream, so the fragment is looked up."""
        if not isinstance(payload, dict) or payload.get("status") not in ("received", "applied"):
            raise Refused("INVALID_CONFIG", "fragment:ack needs the status received or applied")
        if payload["status"] == "applied":
            for stream in self.streams.values():
                if any(answer[0] == payload.get("fragment_id") for answer in stream.answers.values()):
                    stream.applied += 1

    async def _forget_later(self, stream):
        await asyncio.sleep(KEEP_STREAM)
        stream_id = stream.config.stream_id
        if self.streams.get(stream_id) is not stream or not (stream.complete or stream.session is None):
            return                      # the worker is back, or has opened the stream anew
        self.waiting = deque(entry for entry in self.waiting if entry[0] is not stream)
        del self.streams[stream_id]
        self.sending.pop(stream, None)

    # Fragments

    async def fragment(self, session, payload):
        fragment = contract.parse_fragment(payload)
        stream = self.streams.get(fragment.stream_id)
        if stream is None:
            raise Refused("STREAM_NOT_FOUND", "send stream:init first", stream_id=fragment.stream_id,
                          fragment_id=fragment.fragment_id)
        outcome = stream.accept(fragment, self.settings.max_queue)
        stream.session = session
        if outcome == ACCEPTED:
            self.waiting.append((stream, fragment))
        elif outcome != PENDING:
            await self._emit("fragment:processed", outcome[1], session)
            return
        await self._acknowledge(stream, fragment, "queued", queue_position=len(self.waiting))
        await self._wake()
        await self._report_pressure()

    async def _acknowledge(self, stream, fragment, status, **more):
        await self._emit("fragment:ack", {"fragment_id": fragment.fragment_id, "stream_id": fragment.stream_id,
                                          "status": status, "timestamp": int(time.time() * 1000), **more}, stream.session)

    async def _wake(self):
        async with self.work:
            self.work.notify_all()

    async def run_worker(self):
        """One of as many as there are engines: takes the first fragment whose stream is not paused."""
        while True:
            async with self.work:
                while not (entry := next((e for e in self.waiting if not e[0].paused), None)):
                    await self.work.wait()
                self.waiting.remove(entry)
            try:
                await self._process(*entry)
            except Exception as error:                   # one fragment must not end the worker
                log("internal error with", entry[1].fragment_id, repr(error))

    async def _process(self, stream, fragment):
        await self._acknowledge(stream, fragment, "processing")

        reports = []

        def report(message):
            log("stream", fragment.stream_id, "fragment", fragment.fragment_id, message)
            refused = Refused("MODEL_ERROR", message, True, "warning", fragment.stream_id, fragment.fragment_id)
            reports.append(self._emit("error", refused.payload(), stream.session))

        result = await self.pool.process({"pcm": fragment.pcm, "rate": fragment.rate, "channels": fragment.channels,
                                          "model": stream.config.asr_model}, report)
        for each in reports:
            await each
        answer = contract.processed(fragment, stream.config, result)
        async with self.sending.setdefault(stream, asyncio.Lock()):
            due = stream.finish(fragment, answer)
            for each in due:
                await self._answer(stream, each)
        if stream.missing is not None:
            self.background(self._give_up_later(stream, stream.missing))
        await self._report_pressure()
        await self._complete(stream)

    async def _answer(self, stream, answer):
        log("stream", answer["stream_id"], "fragment", answer["sequence_number"], answer["status"],
            f"{answer['processing_time_ms']:g} ms", repr(answer.get("transcript", "")))
        if self.settings.emit == "broadcast":
            await self.sio.emit("fragment:processed", answer, namespace=self.settings.namespace)
        else:
            await self._emit("fragment:processed", answer, stream.session)

    async def _give_up_later(self, stream, missing):
        await asyncio.sleep(self.settings.gap_timeout)
        async with self.sending.setdefault(stream, asyncio.Lock()):
            if stream.missing != missing:
                return
            (first, last), due = stream.skip_missing()
            which = f"{first}" if first == last else f"{first} to {last}"
            refused = Refused("INVALID_SEQUENCE", f"fragment {which} did not arrive within {self.settings.gap_timeout:g} s of "
                              "the next; going on without", False, "warning", stream.config.stream_id)
            log("stream", stream.config.stream_id, refused)
            # A service that was started anew has answered nothing of this stream: the one before it has, and the worker goes on.
            if first > 0:
                await self._emit("error", refused.payload(), stream.session)
            for each in due:
                await self._answer(stream, each)
        if stream.missing is not None:
            self.background(self._give_up_later(stream, stream.missing))
        await self._complete(stream)

    async def _report_pressure(self):
        """Tells every stream that knows another level: one that was told to pause sends nothing and would never hear."""
        level = pressure_level(len(self.waiting), self.settings.backpressure_medium, self.settings.backpressure_high)
        for stream in [s for s in self.streams.values() if s.pressure != level]:
            stream.pressure = level
            await self._emit("backpressure", {
                "stream_id": stream.config.stream_id, "severity": level, "current_inflight": stream.inflight,
                "queue_depth": len(self.waiting), "action": PRESSURE_ACTIONS[level]}, stream.session)

    async def _complete(self, stream):
        if stream.finished and not stream.complete:
            stream.complete = True
            log("stream", stream.config.stream_id, "complete:", stream.summary()["statistics"])
            await self._emit("stream:complete", stream.summary(), stream.session)
            self.background(self._forget_later(stream))

    def health(self):
        return {"streams": sum(not s.ending for s in self.streams.values()), "queue_depth": len(self.waiting)}
