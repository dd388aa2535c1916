"""The Socket.IO conversation with STS for one stream."""

import asyncio
import logging
import time
from typing import Any, Callable

import aiohttp
import socketio

from . import contract
from .ledger import Entry, FragmentLedger
from .metrics import Metrics
from .settings import Settings

_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.2, 2.0
_CONNECT_TIMEOUT_S = 5.0
_READY_TIMEOUT_S = 10.0
_COMPLETE_TIMEOUT_S = 2.0
_RETRY_AFTER_S = 0.5
_MOST_SENDS = 5
_LARGEST_MESSAGE = 64 << 20


class _HttpSession:
    """aiohttp refuses WebSocket messages above 4 MB unless asked, and python-socketio 5.7 does not ask."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def ws_connect(self, url: str, **options: Any) -> Any:
        return self._session.ws_connect(url, max_msg_size=_LARGEST_MESSAGE, **options)


class StsLink:
    """Sends what the ledger holds, hands answers to `on_processed` and errors to `on_fragment_error`.

    The ledger belongs to the session; this class only reads it and marks what was sent.
    """

    def __init__(
        self,
        stream: str,
        ledger: FragmentLedger,
        settings: Settings,
        metrics: Metrics,
        log: logging.LoggerAdapter,
        payload: Callable[[Entry], dict[str, Any]],
        on_processed: Callable[[dict[str, Any]], None],
        on_fragment_error: Callable[[str, str], None],
    ):
        self._stream, self._ledger, self._settings, self._metrics, self._log = stream, ledger, settings, metrics, log
        self._payload, self._on_processed, self._on_fragment_error = payload, on_processed, on_fragment_error
        self._client: socketio.AsyncClient | None = None
        self._wake = asyncio.Event()
        self._stream_ready = asyncio.Event()
        self._stream_complete = asyncio.Event()
        self._ended = False
        self._lost: str | None = None
        self._server_window: int | None = None
        self._pressure = "none"
        self.connected = False

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def end(self) -> None:
        """All fragments are answered: `run` says stream:end and returns."""
        self._ended = True
        self._wake.set()

    async def run(self) -> None:
        backoff = _FIRST_BACKOFF_S
        try:
            while not self._ended:
                try:
                    await self._connect()
                    backoff = _FIRST_BACKOFF_S
                    await self._converse()
                except (socketio.exceptions.SocketIOError, aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
                    self._lost = str(error) or type(error).__name__
                finally:
                    self.connected = False
                if self._ended:
                    break
                again = self._ledger.reopen()
                self._metrics.sts_connections_lost.add()
                self._log.warning("STS: %s; trying again in %.1f s, %d fragments to send again", self._lost, backoff, len(again))
                await self._disconnect()
                await self._sleep(backoff)
                backoff = min(_LAST_BACKOFF_S, backoff * 2)
        finally:
            await self._disconnect()

    async def _sleep(self, seconds: float) -> None:
        """Ends early when the stream does; not for new fragments."""
        until = time.monotonic() + seconds
        while not self._ended and (left := until - time.monotonic()) > 0:
            await self._wait(left)

    async def _wait(self, timeout: float | None) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except asyncio.TimeoutError:
            pass

    async def _connect(self) -> None:
        namespace = self._settings.sts_namespace
        self._lost, self._pressure, self._server_window = None, "none", None
        self._stream_ready.clear()
        self._stream_complete.clear()
        client = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=_HttpSession())
        self._client = client
        handlers = {
            "disconnect": self._disconnected,
            "stream:ready": self._ready,
            "stream:complete": self._completed,
            "fragment:ack": self._acknowledged,
            "fragment:processed": self._processed,
            "backpressure": self._backpressure,
            "error": self._error,
        }
        for name, handler in handlers.items():
            client.on(name, handler, namespace=namespace)
        await asyncio.wait_for(
            client.connect(
                self._settings.sts_url,
                transports=list(self._settings.sts_transports),
                namespaces=[namespace],
                wait_timeout=_CONNECT_TIMEOUT_S,
            ),
            _CONNECT_TIMEOUT_S + 1,
        )
        self.connected = True
        await self._emit("stream:init", contract.stream_init(self._settings, self._stream))
        try:
            await asyncio.wait_for(self._stream_ready.wait(), _READY_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise asyncio.TimeoutError(f"no stream:ready within {_READY_TIMEOUT_S:g} s") from None
        if self._lost:
            raise ConnectionError(self._lost)
        self._log.info("STS is ready (window %d)", self._window)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if client.connected:
                await asyncio.wait_for(client.disconnect(), 1)
        except (socketio.exceptions.SocketIOError, aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            self._log.debug("disconnect: %s", error)
        await client.eio.http.close()

    @property
    def _window(self) -> int:
        window = min(self._settings.max_inflight, self._server_window or self._settings.max_inflight)
        if self._pressure == "pause":
            return 0
        return max(1, window // 2) if self._pressure == "slow_down" else window

    async def _converse(self) -> None:
        while not self._lost:
            while not self._lost and (entry := self._ledger.next_to_send(self._window)) is not None:
                await self._send(entry)
            if self._ended:
                await self._say_end()
                return
            await self._wait(None)

    async def _send(self, entry: Entry) -> None:
        payload = self._payload(entry)
        first = entry.sent_at is None
        self._ledger.mark_sent(entry.fragment.sequence, time.monotonic())
        if first:
            self._metrics.fragments.add("sent")
        await self._emit("fragment:data", payload)
        self._log.info("fragment %d sent%s", entry.fragment.sequence, "" if first else " again")

    async def _say_end(self) -> None:
        await self._emit("stream:end", {"stream_id": self._stream, "reason": "source_ended"})
        try:
            await asyncio.wait_for(self._stream_complete.wait(), _COMPLETE_TIMEOUT_S)
        except asyncio.TimeoutError:
            self._log.warning("STS sent no stream:complete within %g s", _COMPLETE_TIMEOUT_S)

    async def acknowledge(self, fragment_id: str, status: str) -> None:
        if self.connected and not self._lost:
            try:
                await self._emit("fragment:ack", contract.fragment_ack(fragment_id, status, round(time.time() * 1000)))
            except socketio.exceptions.SocketIOError as error:
                self._log.debug("acknowledgement not sent: %s", error)

    async def _emit(self, event: str, payload: dict[str, Any]) -> None:
        if self._client is None:
            raise socketio.exceptions.ConnectionError("not connected")
        await self._client.emit(event, payload, namespace=self._settings.sts_namespace)

    # -- what STS says

    async def _disconnected(self, *_: Any) -> None:
        if not self._lost:
            self._lost = "the connection was closed"
        self.connected = False
        self._stream_ready.set()
        self._stream_complete.set()
        self._wake.set()

    async def _ready(self, data: Any = None, *_: Any) -> None:
        window = data.get("max_inflight") if isinstance(data, dict) else None
        if isinstance(window, int) and window > 0:
            self._server_window = window
        self._stream_ready.set()

    async def _completed(self, *_: Any) -> None:
        self._stream_complete.set()

    async def _acknowledged(self, data: Any = None, *_: Any) -> None:
        self._log.debug("acknowledged: %s", data)

    async def _processed(self, data: Any = None, *_: Any) -> None:
        if not isinstance(data, dict):
            self._metrics.unexpected_answers.add("malformed")
            self._log.warning("fragment:processed without an object is ignored: %.80r", data)
            return
        if isinstance(fragment_id := data.get("fragment_id"), str):
            await self.acknowledge(fragment_id, "received")
        self._on_processed(data)
        self._wake.set()

    async def _backpressure(self, data: Any = None, *_: Any) -> None:
        action = data.get("action") if isinstance(data, dict) else None
        if action not in ("slow_down", "pause", "none"):
            self._log.warning("backpressure without a known action is ignored: %.80r", data)
            return
        if action != self._pressure:
            self._log.info("STS asks for %s (severity %s)", action, data.get("severity"))
        self._pressure = action
        self._wake.set()

    async def _error(self, data: Any = None, *_: Any) -> None:
        data = data if isinstance(data, dict) else {"message": data}
        code, fragment_id, again = data.get("code"), data.get("fragment_id"), data.get("retryable") is True
        self._log.error("STS error %s: %.200s", code, data.get("message"))
        if isinstance(fragment_id, str):
            entry = self._entry_of(fragment_id)
            if entry is None:
                return
            if again and entry.sends < _MOST_SENDS:
                asyncio.get_running_loop().call_later(_RETRY_AFTER_S, self._send_again, entry.fragment.sequence)
            else:
                self._on_fragment_error(fragment_id, f"error {code}")
        elif code == "STREAM_NOT_FOUND":  # STS lost its state: a new stream:init is needed
            self._lost = "STS does not know the stream"
            self._stream_ready.set()
        self._wake.set()

    def _entry_of(self, fragment_id: str) -> Entry | None:
        sequence = contract.sequence_of(fragment_id)
        return self._ledger.entry(sequence) if sequence is not None else None

    def _send_again(self, sequence: int) -> None:
        self._ledger.reopen(sequence)
        self._wake.set()
