"""The connection to the speech service, which all streams share."""

import asyncio
import logging
from typing import Any, Protocol

import socketio
from socketio.exceptions import ConnectionError as RefusedError
from socketio.exceptions import SocketIOError

from . import wire
from .metrics import Metrics
from .settings import Settings

_log = logging.getLogger("dubber.link")


class Listener(Protocol):
    """A stream, as the connection knows it."""

    async def connected(self) -> None: ...

    def heard(self, event: str, payload: dict[str, Any]) -> None: ...


class Link:
    """Connects, connects again, and hands each event to the session that it names: the service tells everybody everything."""

    def __init__(self, settings: Settings, metrics: Metrics):
        self._settings, self._metrics = settings, metrics
        self._client = socketio.AsyncClient(
            reconnection=True, reconnection_delay=0.25, reconnection_delay_max=2, logger=False, engineio_logger=False
        )
        self._listeners: dict[str, Listener] = {}
        self._was_connected = False
        self._is_closed = False
        self.is_connected = asyncio.Event()
        self._client.on("connect", self._connected, namespace=wire.NAMESPACE)
        self._client.on("disconnect", self._disconnected, namespace=wire.NAMESPACE)
        for event in ("session.opened", "segment.dubbed", "session.closed", "slow.down", "fault"):
            self._client.on(event, self._route(event), namespace=wire.NAMESPACE)

    async def run(self) -> None:
        """Ends after `close`. The library connects again by itself only after it was connected once."""
        waits_s = 0.25
        # Cancelling is not enough: the library's own task, on which `wait` waits, takes that for its own end.
        while not self._is_closed:
            try:
                await self._client.connect(
                    self._settings.speech_url,
                    auth={"key": self._settings.speech_key},
                    transports=["websocket"],
                    namespaces=[wire.NAMESPACE],
                )
                waits_s = 0.25
                await self._client.wait()
            except (RefusedError, OSError) as error:
                _log.debug("the speech service cannot be reached: %s", error)
            await asyncio.sleep(waits_s)
            waits_s = min(2.0, 2 * waits_s)

    def add(self, session: str, listener: Listener) -> None:
        self._listeners[session] = listener

    def remove(self, session: str) -> None:
        self._listeners.pop(session, None)

    async def emit(self, event: str, payload: dict[str, Any]) -> bool:
        """False when there is no connection: a session says everything again after the next one."""
        if not self.is_connected.is_set():
            return False
        try:
            await self._client.emit(event, payload, namespace=wire.NAMESPACE)
            return True
        except SocketIOError as error:
            _log.info("%s was not sent: %s", event, error)
            return False

    async def close(self) -> None:
        self._is_closed = True
        await self._client.disconnect()

    async def _connected(self) -> None:
        if self._was_connected:
            self._metrics.reconnects += 1
        self._was_connected = True
        self.is_connected.set()
        _log.info("connected to %s%s", self._settings.speech_url, wire.NAMESPACE)
        for listener in list(self._listeners.values()):
            await listener.connected()

    async def _disconnected(self, *_reason: str) -> None:
        self.is_connected.clear()
        _log.warning("the connection to the speech service was lost")

    def _route(self, event: str):
        async def hear(payload: Any = None, *_more: Any) -> None:
            if not isinstance(payload, dict):
                return
            session = payload.get("session")
            if isinstance(session, str) and (listener := self._listeners.get(session)) is not None:
                listener.heard(event, payload)

        return hear
