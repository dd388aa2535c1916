"""One publication of one stream, from its first packet to the end of its dubbed output."""

import asyncio
import logging
import secrets
import time
from typing import Any

from . import contract
from .audio import convert, fit
from .ledger import Entry, FragmentLedger, Outcome
from .metrics import Metrics
from .output import Output
from .rtmp import PublishError
from .segmenter import Fragment
from .settings import BYTES_PER_SAMPLE, OUTPUT_CHANNELS, OUTPUT_RATE, Settings
from .source import Source, SourceError, StreamInfo, VideoPacket
from .sts import StsLink

#: The output of an earlier publication of the same stream is waited for this long (s).
_PREVIOUS_OUTPUT_TIMEOUT_S = 120.0
#: STS has this long to take leave after the output is closed (s).
_LINK_TIMEOUT_S = 3.0


class StreamLog(logging.LoggerAdapter):
    """Puts the stream's name before every line."""

    def process(self, message: str, options: Any) -> tuple[str, Any]:
        return f"[{self.extra['stream']}] {message}", options


class Session:
    """`run` returns when all is published and closed; it does not throw: a failure is in `error`."""

    def __init__(self, stream: str, settings: Settings, metrics: Metrics, previous: asyncio.Event | None):
        self.stream = stream
        self.error: str | None = None
        self.failure: str | None = None  # the label under which the failure is counted
        self.sent = self.processed = self.fallback = 0
        self.output_closed = asyncio.Event()
        self._run_id = secrets.token_hex(4)
        self._settings, self._metrics, self._previous = settings, metrics, previous
        self._log = StreamLog(logging.getLogger("session"), {"stream": stream})
        self._ledger = FragmentLedger(settings.fragment_timeout_s)
        self._link = StsLink(
            stream, self._ledger, settings, metrics, self._log, self._payload, self._answered, self._refused
        )
        self._inbox: asyncio.Queue[object] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._output: Output  # from the moment that the source is open
        self._input_ended = False

    @property
    def sts_connected(self) -> bool:
        return self._link.connected

    @property
    def inflight(self) -> int:
        return self._ledger.inflight

    def status(self) -> dict[str, Any]:
        fields = {"stream": self.stream, "fragments_sent": self.sent, "processed": self.processed, "fallback": self.fallback}
        return fields | ({"error": self.error} if self.error else {})

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        url = f"{self._settings.media_rtmp_url}/live/{self.stream}"
        deliver = lambda item: loop.call_soon_threadsafe(self._inbox.put_nowait, item)
        source = Source(url + "/in", self._settings, self._log, deliver)
        tasks: list[asyncio.Task] = []
        try:
            source.start()
            info = await self._inbox.get()
            if not isinstance(info, StreamInfo):
                raise info if isinstance(info, Exception) else SourceError("input", "the stream ended at once")
            self._output = Output(url + "/out", info, self._settings, self._metrics, self._log)
            link = asyncio.create_task(self._link.run())
            main = [asyncio.create_task(work) for work in (self._read(), self._settle(), self._publish())]
            tasks = [link, *main]
            await asyncio.gather(*main)  # throws when the first of them does
            await asyncio.wait([link], timeout=_LINK_TIMEOUT_S)
            self._log.info("ended: %d sent, %d processed, %d passed through", self.sent, self.processed, self.fallback)
        except (SourceError, PublishError) as error:
            self.failure = error.reason if isinstance(error, SourceError) else "output"
            self.error = str(error)
            self._log.error("%s", error)
        except Exception as error:  # one stream's failure never touches another
            self.failure, self.error = "internal", f"{type(error).__name__}: {error}"
            self._log.exception("session failed")
        finally:
            source.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.output_closed.set()
            if self.failure:
                self._metrics.failed_streams.add(self.failure)

    async def _publish(self) -> None:
        if self._previous is not None and not self._previous.is_set():
            self._log.info("waits until the output of the publication before this one is closed")
            await asyncio.wait_for(self._previous.wait(), _PREVIOUS_OUTPUT_TIMEOUT_S)
        await self._output.run()
        self.output_closed.set()

    # -- input

    async def _read(self) -> None:
        while (item := await self._inbox.get()) is not None:
            if isinstance(item, VideoPacket):
                self._output.add_video(item)
            elif isinstance(item, Fragment):
                self._add(item)
            elif isinstance(item, Exception):
                raise item
        self._input_ended = True
        self._changed.set()

    def _add(self, fragment: Fragment) -> None:
        self._output.heard(fragment)
        self._ledger.add(fragment, time.monotonic())
        if not fragment.wants_dubbing:
            self._log.info("the last %d ms are passed through", fragment.samples * 1000 // OUTPUT_RATE)
        for sequence in self._ledger.held_longer_than(self._settings.max_buffer_s):
            self._pass_through(sequence, "buffer", f"{self._settings.max_buffer_s:g} s of audio are waiting")
        if self._output.buffered_s > 2 * self._settings.max_buffer_s:
            raise PublishError(f"{self._output.buffered_s:.0f} s wait to be published: the output does not flow")
        self._link.wake()
        self._changed.set()

    # -- STS

    def _identifier(self, fragment: Fragment) -> str:
        return contract.fragment_id(self.stream, self._run_id, fragment.sequence)

    def _payload(self, entry: Entry) -> dict[str, Any]:
        if entry.sent_at is None:
            self.sent += 1
        rate = self._settings.fragment_sample_rate
        pcm = convert(entry.fragment.pcm, OUTPUT_RATE, OUTPUT_CHANNELS, rate, 1)
        identifier = self._identifier(entry.fragment)
        return contract.fragment_data(self.stream, identifier, entry.fragment, pcm, rate, round(time.time() * 1000))

    def _entry(self, data: dict[str, Any]) -> Entry | None:
        """The fragment that an answer speaks of."""
        identifier, sequence = data.get("fragment_id"), data.get("sequence_number")
        if isinstance(identifier, str):
            sequence = contract.sequence_of(identifier)
        entry = self._ledger.entry(sequence) if isinstance(sequence, int) else None
        if entry is None or (isinstance(identifier, str) and identifier != self._identifier(entry.fragment)):
            return None
        return entry

    def _answered(self, data: dict[str, Any]) -> None:
        """fragment:processed. The first answer counts, and only while somebody waits for it."""
        entry = self._entry(data)
        if entry is None or entry.outcome is not None:
            self._metrics.unexpected_answers.add("late_or_unknown" if entry is None else "repeated")
            name = data.get("fragment_id", data.get("sequence_number"))
            self._log.warning("answer for fragment %.80r is ignored: it is unknown, late, or answered already", name)
            return
        sequence = entry.fragment.sequence
        if data.get("status") not in ("success", "partial"):
            self._pass_through(sequence, "failed", f"STS says {data.get('status')!r}: {data.get('error')!r:.200}")
            return
        try:
            dubbed = contract.dubbed_audio(data.get("dubbed_audio"), self._settings.fragment_sample_rate)
            pcm = convert(dubbed.pcm, dubbed.sample_rate, dubbed.channels, OUTPUT_RATE, OUTPUT_CHANNELS)
        except contract.DubbedAudioError as error:
            self._pass_through(sequence, "bad_audio", f"dubbed_audio cannot be used: {error}")
            return
        excess = len(pcm) // BYTES_PER_SAMPLE - entry.fragment.samples
        if excess > OUTPUT_RATE // 10:
            self._log.warning("fragment %d: the last %d ms of the dubbed audio are cut off", sequence, excess * 1000 // OUTPUT_RATE)
        self._ledger.resolve(sequence, Outcome.PROCESSED, fit(pcm, entry.fragment.samples))
        self.processed += 1
        self._metrics.fragments.add("processed")
        since = time.monotonic() - (entry.sent_at or entry.queued_at)
        told = contract.millisecond_value(data.get("processing_time_ms"))
        self._metrics.sts_processing_time.observe(told if told is not None else since * 1000)
        self._log.info("fragment %d processed after %.2f s", sequence, since)
        self._changed.set()

    def _refused(self, identifier: str, reason: str) -> None:
        entry = self._entry({"fragment_id": identifier})
        if entry is not None and entry.outcome is None:
            self._pass_through(entry.fragment.sequence, "error", reason)

    def _pass_through(self, sequence: int, reason: str, explanation: str) -> None:
        if self._ledger.resolve(sequence, Outcome.FALLBACK):
            self.fallback += 1
            self._metrics.fragments.add("fallback")
            self._metrics.fallback_reasons.add(reason)
            self._log.warning("fragment %d: original audio passed through: %s", sequence, explanation)
            self._link.wake()
            self._changed.set()

    # -- output

    async def _settle(self) -> None:
        """Lets time out what is overdue, and gives the output what is next in order."""
        while True:
            self._changed.clear()
            for sequence in self._ledger.expired(time.monotonic()):
                timeout = self._settings.fragment_timeout_s
                self._pass_through(sequence, "timeout", f"no answer within {timeout:g} s")
            released = self._ledger.release()
            for entry in released:
                if entry.outcome is Outcome.PROCESSED:
                    await self._link.acknowledge(self._identifier(entry.fragment), "applied")
            if ended := self._input_ended and not self._ledger.waiting:
                self._link.end()
            for entry in released:
                await self._output.add_audio(entry.fragment, entry.audio)
            if ended:
                break
            deadline = self._ledger.next_deadline()
            timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                await asyncio.wait_for(self._changed.wait(), timeout)
            except asyncio.TimeoutError:
                pass
        await self._output.finish()
