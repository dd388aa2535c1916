"""Sound in whatever container to the worker's PCM: 48 kHz, stereo, 16 bit."""

import asyncio
import tempfile
import time
from typing import Iterator

from .gst import Gst, GStreamerError

RATE = 48_000
WIDTH = 4  # bytes of a sample of both channels
_PIPELINE = """
filesrc name=file ! decodebin ! audioconvert ! audioresample
  ! audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2 ! appsink name=out sync=false
"""
_PATIENCE_S = 10.0


async def decode(data: bytes) -> bytes:
    """Throws GStreamerError when it is no sound, or ends in the middle of it."""
    return await asyncio.to_thread(_decode, data)


def _decode(data: bytes) -> bytes:
    with tempfile.NamedTemporaryFile(prefix="sound-") as file:
        # A file, since MP4 may have its index at the end.
        file.write(data)
        file.flush()
        pipeline = Gst.parse_launch(_PIPELINE)
        pipeline.get_by_name("file").set_property("location", file.name)
        out = pipeline.get_by_name("out")
        pipeline.set_state(Gst.State.PLAYING)
        try:
            return b"".join(_parts(pipeline, out))
        except TimeoutError:
            raise GStreamerError(f"decoding {len(data)} bytes did not end within {_PATIENCE_S:g} s") from None
        finally:
            pipeline.set_state(Gst.State.NULL)


def _parts(pipeline: Gst.Pipeline, out: Gst.Element) -> Iterator[bytes]:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        sample = out.emit("try-pull-sample", Gst.SECOND // 20)
        if sample is not None:
            yield _presented(sample)
        # An error does not end a pull: the bus is asked as well.
        elif (message := pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)) is not None:
            raise GStreamerError(message.parse_error()[0].message)
        elif out.get_property("eos"):
            return
        elif time.monotonic() > deadline:
            raise TimeoutError


def _presented(sample: Gst.Sample) -> bytes:
    """Without what lies before the segment: the encoder's own delay, which an MP4's edit list cuts off."""
    found = sample.get_buffer()
    data = found.extract_dup(0, found.get_size())
    start = sample.get_segment().start
    if found.pts == Gst.CLOCK_TIME_NONE or found.pts >= start:
        return data
    return data[round((start - found.pts) * RATE / Gst.SECOND) * WIDTH :]


def fitted(pcm: bytes, samples: int) -> bytes:
    """Cut, or silence behind it."""
    return pcm[: samples * WIDTH].ljust(samples * WIDTH, b"\0")
