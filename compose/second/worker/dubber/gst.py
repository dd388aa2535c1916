"""GStreamer, started once, and what its three users here share."""

import asyncio
from typing import Callable

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402  # only after its version was asked for

Gst.init(None)


class GStreamerError(Exception):
    """What an element said before its pipeline ended."""


def buffer(data: bytes, at_s: float, length_s: float | None = None, is_delta: bool = False) -> Gst.Buffer:
    made = Gst.Buffer.new_wrapped(data)
    made.pts = made.dts = round(at_s * Gst.SECOND)
    if length_s is not None:
        made.duration = round(length_s * Gst.SECOND)
    if is_delta:
        made.set_flags(Gst.BufferFlags.DELTA_UNIT)
    return made


def when_ended(pipeline: Gst.Pipeline, loop: asyncio.AbstractEventLoop, tell: Callable[[str | None], None]) -> None:
    """Calls `tell` in the loop at the pipeline's end: with None, or with what went wrong."""

    def look(_bus: Gst.Bus, message: Gst.Message) -> Gst.BusSyncReply:
        if message.type == Gst.MessageType.EOS:
            _in(loop, tell, None)
        elif message.type == Gst.MessageType.ERROR:
            error, details = message.parse_error()
            _in(loop, tell, f"{message.src.get_name()}: {error.message} ({(details or '').splitlines()[-1:]})")
        return Gst.BusSyncReply.DROP

    pipeline.get_bus().set_sync_handler(look)


def _in(loop: asyncio.AbstractEventLoop, call: Callable, *arguments: object) -> None:
    """In the loop, unless that has ended: threads of a pipeline may outlive it."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        pass
