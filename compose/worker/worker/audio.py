"""Audio conversions with PyAV: frames to the worker's PCM, PCM to other rates, PCM to AAC."""

from array import array
from fractions import Fraction as Rational

import av

from .settings import BYTES_PER_SAMPLE, OUTPUT_RATE
from .timeline import AudioTimeline

_LAYOUTS = {1: "mono", 2: "stereo"}
#: Samples of an AAC frame, and the delay of libavcodec's AAC encoder.
AAC_FRAME = 1024


def _bytes(frame: av.AudioFrame, plane: int = 0) -> bytes:
    """The samples of a plane; without its padding."""
    count = frame.samples * frame.format.bytes
    if not frame.format.is_planar:
        count *= len(frame.layout.channels)
    return bytes(frame.planes[plane])[:count]


def _frame(format_name: str, layout: str, rate: int, planes: list[bytes], samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(format=format_name, layout=layout, samples=samples)
    frame.sample_rate = rate
    for plane, data in zip(frame.planes, planes):
        plane.update(data + bytes(plane.buffer_size - len(data)))
    return frame


def _both_sides(mono: bytes) -> bytes:
    """One channel on two, as loud as it was: libswresample would take 3 dB away."""
    samples = array("h", mono)
    stereo = array("h", bytes(2 * len(mono)))
    stereo[0::2] = samples
    stereo[1::2] = samples
    return stereo.tobytes()


def convert(pcm: bytes, rate: int, channels: int, to_rate: int, to_channels: int) -> bytes:
    """Resamples one piece of 16-bit interleaved PCM; the result begins with the same instant."""
    if (rate, channels) == (to_rate, to_channels):
        return pcm
    if (channels, to_channels) == (1, 2):
        return _both_sides(convert(pcm, rate, 1, to_rate, 1))
    resampler = av.AudioResampler(format="s16", layout=_LAYOUTS[to_channels], rate=to_rate)
    samples = len(pcm) // (2 * channels)
    out = []
    for at in range(0, samples, rate):
        count = min(rate, samples - at)
        piece = pcm[at * 2 * channels : (at + count) * 2 * channels]
        out += resampler.resample(_frame("s16", _LAYOUTS[channels], rate, [piece], count))
    out += resampler.resample(None)
    return b"".join(_bytes(f) for f in out if f is not None)


def fit(pcm: bytes, samples: int) -> bytes:
    """Trims or pads worker PCM to an exact length."""
    length = samples * BYTES_PER_SAMPLE
    return pcm[:length] if len(pcm) >= length else pcm + bytes(length - len(pcm))


class AudioIntake:
    """Decoded frames in, one contiguous run of worker PCM out, on the stream's timeline."""

    def __init__(self, origin_s: float):
        #: Sample index, at the output rate, of what comes out next.
        self.position = round(origin_s * OUTPUT_RATE)
        self._format: tuple | None = None
        self._is_mono = False
        self._resampler: av.AudioResampler
        self._timeline: AudioTimeline

    def add(self, frame: av.AudioFrame, timestamp_s: float) -> bytes:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        head = b""
        if kind != self._format:
            head = self.flush()
            self._format = kind
            self._is_mono = len(frame.layout.channels) == 1
            self._resampler = av.AudioResampler(
                format="s16", layout="mono" if self._is_mono else "stereo", rate=OUTPUT_RATE
            )
            self._timeline = AudioTimeline(frame.sample_rate, round(self.position * frame.sample_rate / OUTPUT_RATE))
        placement = self._timeline.place(timestamp_s, frame.samples)
        out = [head, self._silence(placement.silence)]
        if placement.drop:
            frame = self._without_head(frame, placement.drop)
        if frame is not None:
            out.append(self._push(frame))
        return b"".join(out)

    def fill_until(self, timestamp_s: float) -> bytes:
        """Silence up to here, for a track that fell silent while the video goes on."""
        missing = round(timestamp_s * OUTPUT_RATE) - self.position
        if missing <= 0:
            return b""
        if self._format is None:
            self.position += missing
            return bytes(missing * BYTES_PER_SAMPLE)
        count = round(missing * self._timeline.rate / OUTPUT_RATE)
        self._timeline.position += count
        return self._silence(count)

    def flush(self) -> bytes:
        """What the resampler still holds."""
        if self._format is None:
            return b""
        self._format = None
        return self._take(self._resampler.resample(None))

    def _silence(self, samples: int) -> bytes:
        out = []
        name, layout, rate = self._format
        while samples > 0:
            count = min(samples, rate)
            frame = av.AudioFrame(format=name, layout=layout, samples=count)
            frame.sample_rate = rate
            zero = b"\x80" if name.startswith("u8") else b"\x00"
            for plane in frame.planes:
                plane.update(zero * plane.buffer_size)
            out.append(self._push(frame))
            samples -= count
        return b"".join(out)

    def _without_head(self, frame: av.AudioFrame, drop: int) -> av.AudioFrame | None:
        if drop >= frame.samples:
            return None
        step = frame.format.bytes * (1 if frame.format.is_planar else len(frame.layout.channels))
        planes = [_bytes(frame, i)[drop * step :] for i in range(len(frame.planes))]
        return _frame(frame.format.name, frame.layout.name, frame.sample_rate, planes, frame.samples - drop)

    def _push(self, frame: av.AudioFrame) -> bytes:
        frame.pts = None  # placement is this class's work: libavfilter must not see the jitter
        return self._take(self._resampler.resample(frame))

    def _take(self, frames: list) -> bytes:
        pcm = b"".join(_bytes(f) for f in frames if f is not None)
        pcm = _both_sides(pcm) if self._is_mono else pcm
        self.position += len(pcm) // BYTES_PER_SAMPLE
        return pcm


class AacEncoder:
    """One continuous AAC track: `feed` may be called with any number of samples.

    The encoder's first packet holds nothing but its own delay and comes out `AAC_FRAME` samples before the first
    sample that was fed; a packet's timestamp is therefore where its decoded samples belong. FLV cannot say "skip the
    first 1024 samples", so the caller drops what lies before the stream instead of moving everything by 21 ms.
    """

    def __init__(self, start: int, bit_rate: int = 128_000):
        self._codec = av.CodecContext.create("aac", "w")
        self._codec.sample_rate = OUTPUT_RATE
        self._codec.layout = "stereo"
        self._codec.format = "fltp"
        self._codec.bit_rate = bit_rate
        self._codec.time_base = Rational(1, OUTPUT_RATE)
        self._codec.open()
        self._pending = bytearray()
        self._start = start
        self._fed = 0
        #: Sample index of the packet that comes next.
        self.position = start - AAC_FRAME

    @property
    def config(self) -> bytes:
        """AudioSpecificConfig."""
        return bytes(self._codec.extradata)

    def feed(self, pcm: bytes | memoryview) -> list[tuple[int, bytes]]:
        """Packets that are complete now: sample index on the stream's timeline, and payload."""
        self._pending += pcm
        size = AAC_FRAME * BYTES_PER_SAMPLE
        packets = []
        while len(self._pending) >= size:
            packets += self._encode(bytes(self._pending[:size]))
            del self._pending[:size]
        return packets

    def finish(self) -> list[tuple[int, bytes]]:
        packets = []
        if self._pending:
            packets += self._encode(fit(bytes(self._pending), AAC_FRAME))
            self._pending.clear()
        if self._fed:
            packets += self._collect(self._codec.encode(None))
        return packets

    def _encode(self, pcm: bytes) -> list[tuple[int, bytes]]:
        frame = _frame("s16", "stereo", OUTPUT_RATE, [pcm], AAC_FRAME)
        frame.pts = self._fed
        frame.time_base = Rational(1, OUTPUT_RATE)
        self._fed += AAC_FRAME
        return self._collect(self._codec.encode(frame))

    def _collect(self, packets: list) -> list[tuple[int, bytes]]:
        out = []
        for packet in packets:
            if packet.size:
                out.append((self.position, bytes(packet)))
                self.position += AAC_FRAME
        return out
