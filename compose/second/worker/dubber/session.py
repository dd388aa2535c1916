"""One stream, from its first frame to its last whole fragment."""

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from . import wire
from .breaker import Breaker, State
from .cutter import Cutter, Fragment
from .gst import GStreamerError
from .intake import AudioFrame, Intake, Picture
from .link import Link
from .metrics import Metrics
from .outlet import Outlet
from .settings import Settings
from .sound import RATE, WIDTH, decode, fitted

#: A session that is not opened by then counts as a service that does not answer.
_OPENING_S = 5.0
_log = logging.getLogger("dubber.session")


@dataclass
class Pending:
    """A segment that was sent, or is about to be."""

    fragment: Fragment
    identifier: str
    is_probe: bool
    answer: asyncio.Future[wire.Answer]


@dataclass(frozen=True)
class Sound:
    """What is to be heard in a fragment's place."""

    fragment: Fragment
    pcm: bytes


@dataclass
class Numbered:
    """Sound by fragment; made when it is asked for, since a swap asks for one that is not cut yet."""

    sounds: dict[int, asyncio.Future[Sound]] = field(default_factory=dict)

    def of(self, number: int) -> asyncio.Future[Sound]:
        return self.sounds.setdefault(number, asyncio.get_running_loop().create_future())


class Session:
    """Reads, asks, plays. What is not dubbed is the original, or silence, as the settings say."""

    def __init__(self, settings: Settings, link: Link, metrics: Metrics, name: str, source: str, target: str):
        self._settings, self._link, self._metrics, self._name = settings, link, metrics, name
        self._id = f"{settings.prefix}/{name}"
        # A name that is published again has other segments.
        self._run = uuid.uuid4().hex[:8]
        self.breaker = Breaker(settings.breaker_limit, settings.breaker_pause_s)
        self._cutter = Cutter(settings.frames)
        self._outlet = Outlet(settings, target)
        self._source = source
        self._fragments: asyncio.Queue[Fragment | None] = asyncio.Queue()
        self._window = asyncio.Semaphore(settings.window)
        self._pending: dict[str, Pending] = {}
        self._numbered = Numbered()
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()
        self._hello: dict[str, Any] | None = None
        self._cut = 0  # whole fragments
        self._index = 0  # of the next segment on this connection
        self._not_before = 0.0
        self._late = bytes(round(settings.fault.late_ms * RATE / 1000) * WIDTH)
        self._generation = 0  # of the connection
        self._input_ended = asyncio.Event()
        self._total: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def inflight(self) -> int:
        return len(self._pending)

    async def run(self) -> None:
        """Ends when the input has, and everything whole was played. Cancelled, it stops where it is."""
        intake = Intake(self._settings, self._source, self._frame, self._picture, self._end)
        self._link.add(self._id, self)
        intake.start()
        _log.info("%s: reading %s as %s", self._name, self._source, self._id)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._dub_all(group))
                group.create_task(self._play_all())
                await self._input_ended.wait()
                self._fragments.put_nowait(None)
        finally:
            self._link.remove(self._id)
            await asyncio.shield(intake.stop())
            await asyncio.shield(self._outlet.stop())

    def end(self) -> None:
        """The media server no longer has the input."""
        self._input_ended.set()

    # From the input

    def _frame(self, frame: AudioFrame) -> None:
        fragment = self._cutter.add(frame.data, frame.at_s, frame.rate, frame.channels)
        if fragment is not None:
            self._fragments.put_nowait(fragment)

    def _picture(self, picture: Picture) -> None:
        self._outlet.add(picture)

    def _end(self, problem: str | None) -> None:
        if not self._input_ended.is_set():
            _log.info("%s: the input ended%s", self._name, f": {problem}" if problem else "")
        self._input_ended.set()

    # With the speech service

    async def connected(self) -> None:
        """Everything that is not answered is said again, counted from 0: it is another session to the service."""
        self._generation += 1
        self._index = 0
        self._opened.clear()
        if self._hello is None:
            return
        await self._link.emit("session.open", self._hello)
        for pending in list(self._pending.values()):
            await self._send(pending)

    def heard(self, event: str, payload: dict[str, Any]) -> None:
        if event == "session.opened":
            self._opened.set()
        elif event == "session.closed":
            self._closed.set()
        elif event == "slow.down":
            delay_s = wire.recommended_delay_s(payload)
            _log.info("%s: asked to wait %.0f ms before the next segment", self._name, delay_s * 1000)
            self._not_before = max(self._not_before, time.monotonic() + delay_s)
        elif event == "fault":
            _log.warning("%s: the speech service says %s: %s", self._name, payload.get("code"), payload.get("text"))
        elif (found := wire.answer(payload)) is not None:
            pending = self._pending.get(found.identifier)
            if pending is not None and not pending.answer.done():
                pending.answer.set_result(found)

    async def _dub_all(self, group: asyncio.TaskGroup) -> None:
        dubbing: list[asyncio.Task] = []
        while (fragment := await self._fragments.get()) is not None:
            self._cut += 1
            if self._hello is None:
                self._hello = wire.session_open(self._settings, self._id, fragment.rate, fragment.channels)
                await self._link.emit("session.open", self._hello)
            # In order: the next one is not looked at before this one has a place.
            await self._window.acquire()
            await self._wait_as_asked()
            dubbing.append(group.create_task(self._dub_in_place(fragment)))
        self._total.set_result(self._cut)
        if dubbing:
            await asyncio.wait(dubbing)
        if self._hello is not None and await self._link.emit("session.close", {"session": self._id, "why": "ended"}):
            try:
                await asyncio.wait_for(self._closed.wait(), 1.0)
            except asyncio.TimeoutError:
                _log.info("%s: session.closed did not come within 1 s", self._name)

    async def _wait_as_asked(self) -> None:
        """Until the service wants the next segment; it may ask again while we wait."""
        while (left := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _dub_in_place(self, fragment: Fragment) -> None:
        try:
            sound = await self._dub(fragment)
        finally:
            self._window.release()
        if sound is None and self._settings.fallback == "original":
            sound = await self._decoded(fragment.adts, "the original")
        samples = round(fragment.length_s * RATE)
        self._numbered.of(fragment.number).set_result(Sound(fragment, fitted(sound or b"", samples)))

    async def _dub(self, fragment: Fragment) -> bytes | None:
        """The dub's sound, or None when there is none."""
        if not self.breaker.admits(time.monotonic()):
            self._metrics.segments["bypassed"] += 1
            _log.info("%s: fragment %d is passed by: the breaker is open", self._name, fragment.number)
            return None
        pending = Pending(
            fragment, f"{self._name}.{self._run}.{fragment.number}", self.breaker.state is State.PROBING,
            asyncio.get_running_loop().create_future(),
        )
        self._pending[pending.identifier] = pending
        try:
            await self._send(pending)
            found = await asyncio.wait_for(pending.answer, self._settings.patience_s)
        except asyncio.TimeoutError:
            return self._failed(pending, "timeout", f"no answer within {self._settings.patience_s:g} s")
        finally:
            self._pending.pop(pending.identifier, None)
        if found.state == "failed":
            return self._failed(pending, "failed", found.fault)
        sound = await self._decoded(found.sound, "the answer")
        if sound is None:
            return self._failed(pending, "failed", "its sound cannot be decoded")
        self._metrics.segments["partial" if found.state == "partial" else "dubbed"] += 1
        self.breaker.succeeded(pending.is_probe)
        return sound

    async def _send(self, pending: Pending) -> None:
        """Without a connection this waits for none: `connected` sends it, and the patience is counted all the same."""
        if not self._link.is_connected.is_set():
            return
        generation = self._generation
        try:
            await asyncio.wait_for(self._opened.wait(), _OPENING_S)
        except asyncio.TimeoutError:
            return
        if generation != self._generation:
            return  # `connected` sends it
        index, self._index = self._index, self._index + 1
        payload = wire.segment(self._id, pending.identifier, index, round(time.time() * 1000), pending.fragment)
        if await self._link.emit("segment", payload):
            self._metrics.segments["sent"] += 1

    def _failed(self, pending: Pending, status: str, reason: str) -> None:
        self._metrics.segments[status] += 1
        was = self.breaker.state
        self.breaker.failed(time.monotonic(), pending.is_probe)
        _log.warning("%s: fragment %d was not dubbed: %s", self._name, pending.fragment.number, reason)
        if self.breaker.state is State.OPEN and was is not State.OPEN:
            self._metrics.breaker_opened += 1
            _log.warning("%s: the breaker opens for %g s", self._name, self._settings.breaker_pause_s)

    # To the output

    async def _play_all(self) -> None:
        number = 0
        while (own := await self._sound(number)) is not None:
            self._outlet.play(await self._pcm(own), own.fragment.start_s, own.fragment.length_s)
            number += 1
            if self._outlet.error is not None:
                raise GStreamerError(f"publishing ended: {self._outlet.error}")
        # What was pushed at once may take as long to send as it lasts.
        problem = await self._outlet.close(3 * self._settings.frames * 1024 / 44_100)
        level = logging.ERROR if problem else logging.INFO
        _log.log(level, "%s: %d fragments were played%s", self._name, number, f": {problem}" if problem else "")

    async def _sound(self, number: int) -> Sound | None:
        """None when the input ended before this fragment was whole."""
        future = self._numbered.of(number)
        if not future.done() and not self._total.done():
            await asyncio.wait([future, self._total], return_when=asyncio.FIRST_COMPLETED)
        if self._total.done() and number >= self._total.result():
            return None
        return await future

    async def _pcm(self, own: Sound) -> bytes:
        """With what the worker does wrong on purpose."""
        fault, number, pcm = self._settings.fault, own.fragment.number, own.pcm
        if fault.swapped is not None and number in fault.swapped:
            other = await self._sound(sum(fault.swapped) - number)
            pcm = fitted(other.pcm, len(own.pcm) // WIDTH) if other is not None else pcm
        if number in fault.dropped:
            pcm = bytes(len(pcm))
        delayed = self._late + pcm
        pcm, self._late = delayed[: len(pcm)], delayed[len(pcm) :]
        return pcm

    async def _decoded(self, data: bytes, what: str) -> bytes | None:
        try:
            return await decode(data)
        except GStreamerError as error:
            _log.warning("%s: %s cannot be decoded: %s", self._name, what, error)
            return None
