"""Times as MediaMTX makes them: tracks laid to each other by arrival, decoding times worked out from picture order."""
import time

from . import h264
from .errors import ProtocolError

MAX_REORDERED = 10                      # frames
MILLISECOND = 90                        # ticks of the video clock


def rescale(value, multiply, divide):
    """In two steps, rounded towards zero, which is how MediaMTX goes from one clock to another."""
    whole, part = abs(value) // divide, abs(value) % divide
    result = whole * multiply + part * multiply // divide
    return -result if value < 0 else result


def nanoseconds(ticks, clock):
    return rescale(ticks, 1_000_000_000, clock)


def milliseconds(ticks, clock):
    return rescale(nanoseconds(ticks, clock), 1, 1_000_000)


class ArrivalClock:
    """Lays the RTP clocks of a publisher's tracks to each other: each begins when its first packet arrives, after the last
    key packet of the track that came first. What sender reports say is not used."""

    def __init__(self, now=time.monotonic):
        self.now = now
        self.leading = None
        self.anchor = (0.0, 0, 1)                        # arrival (s), time and clock of the leading track's key packet
        self.tracks = {}                                 # index -> [time, last RTP time]

    def place(self, index, clock, timestamp, is_key):
        """The packet's time on the common axis, in ticks of its clock; None before the track's first key packet."""
        track = self.tracks.get(index)
        if track is None:
            if not is_key:
                return None
            now = self.now()
            if self.leading is None:
                self.leading, self.anchor = index, (now, 0, clock)
            arrival, moment, leading_clock = self.anchor
            start = rescale(moment, clock, leading_clock) + int((now - arrival) * clock)
            self.tracks[index] = [start, timestamp]
            return start
        track[0] += (timestamp - track[1] + 2**31) % 2**32 - 2**31
        track[1] = timestamp
        if index == self.leading and is_key:
            self.anchor = (self.now(), track[0], clock)
        return track[0]


class DecodingTimes:
    """Decoding times of one reader's pictures, which neither RTP nor MediaMTX's streams carry.

    The distance of a picture's order count from the one expected says how many pictures will be shown before it. What is
    found out late (a deeper reordering than assumed) pauses the clock: such pictures follow 1 ms after each other.
    """

    def __init__(self):
        self.last = None                                 # ticks
        self.sps = self.order = None
        self._forget()

    def _forget(self):
        self.begun, self.expected, self.depth, self.paused = False, 0, 0, 0
        self.step, self.seen, self.recent = 2, 0, (0, 0)

    def of(self, nals, display):
        """The decoding time of an access unit, in the ticks of `display`; raises where MediaMTX gives the reader up."""
        decoding, unchecked = self._find(nals, display)
        if not unchecked and decoding > display:
            raise ProtocolError(f"decoding time {decoding} is after display time {display}")
        if self.last is not None and decoding < self.last:
            raise ProtocolError(f"decoding time {decoding} is before the former, {self.last}")
        self.last = decoding
        return decoding

    def _find(self, nals, display):
        picture, is_reference = None, False
        for nal in nals:
            kind = nal[0] & 31
            is_reference = is_reference or nal[0] & 0x60 > 0
            if kind == h264.NAL_SPS and nal != self.sps:
                self.sps, self.order = nal, h264.picture_order(nal)
                self._forget()
            elif kind in (h264.NAL_IDR, h264.NAL_SLICE):
                picture = nal
                break
        if self.order is None:
            raise ProtocolError("no SPS has come yet")
        if self.order.kind == 2 or not self.order.frames_only:
            return display, False
        if self.order.kind == 1:
            raise ProtocolError("picture order of type 1 is not supported")
        is_key = picture is not None and picture[0] & 31 == h264.NAL_IDR
        if not self.begun and not is_key:
            raise ProtocolError("no key picture has come yet")
        self.begun = True
        if picture is None:
            if is_reference:
                raise ProtocolError("access unit without a picture")
            return (display, True) if self.last is None else (self.last, False)
        return self._from_distance(self._distance(picture, is_key), display)

    def _distance(self, picture, is_key):
        count = h264.picture_order_count(picture, self.order)
        if is_key:
            self.expected = count
            if self.step == 2:
                self.step = 1 if count % 2 else 2
                self.seen, self.recent = 1, (0, count)
            return 0
        if self.seen < 5 and self.step == 2:
            self._learn_step(count)
        self.expected = (self.expected + self.step) % (1 << self.order.count_bits)
        span = 1 << self.order.count_bits
        distance = (count - self.expected) % span
        if distance > span // 2:
            distance -= span
        return int(distance / self.step)

    def _learn_step(self, count):
        """Encoders count by 2 for each picture as a rule, some by 1 or by 4: the first pictures tell."""
        if count % 2:
            self.step, self.expected = 1, self.expected // 2
            if self.depth:
                self._deepen(self.depth)
        elif self.seen >= 2 and count % 4 == 0 and count == self.recent[1] + 4 and self.recent[1] == self.recent[0] + 4:
            self.step, self.expected = 4, self.expected * 2
        self.seen, self.recent = self.seen + 1, (self.recent[1], count)

    def _deepen(self, more):
        if self.depth + more > MAX_REORDERED:
            raise ProtocolError(f"{self.depth + more} reordered pictures; at most {MAX_REORDERED} are supported")
        self.depth, self.paused = self.depth + more, self.paused + more

    def _from_distance(self, distance, display):
        distance += self.depth
        more = max(distance - 2 * self.depth - 1, -distance, 0)
        if more:
            self._deepen(more)
            distance += more
        if self.paused:
            self.paused -= 1
            return (display if self.last is None else self.last + MILLISECOND), True
        if self.last is None:
            return display, True
        return self.last + int((display - self.last) / (distance + 1)), False
