"""From RTP timestamps to one time line with origin 0, and from display order back to decoding order."""
import heapq
import struct

from .errors import ProtocolError

NOMINAL_FRAME = 1 / 25


class TrackClock:
    """One track's RTP clock: unwrapped, and placed on a common axis of seconds.

    A sender report ties the RTP clock to the sender's NTP clock, which all its tracks share. Each track of ffmpeg's
    starts at a random RTP time, so without the report nothing says how two tracks lie to each other.
    """

    def __init__(self, rate):
        self.rate = rate
        self.report = None              # (NTP seconds, unwrapped RTP time)
        self.first = None               # unwrapped RTP time of the first packet
        self.first_arrival = None
        self._last = None
        self._anchor = None

    def unwrap(self, timestamp):
        if self._last is None:
            self._last = timestamp
        step = (timestamp - self._last + 2**31) % 2**32 - 2**31
        self._last += step
        return self._last

    def sender_report(self, packet):
        """Takes the first report only: later ones carry the sender's clock drift, which would move the sound."""
        if len(packet) < 20:
            raise ProtocolError("RTCP sender report is cut off")
        if self.report is None:
            seconds, fraction, timestamp = struct.unpack_from(">III", packet, 8)
            self.report = (seconds + fraction / 2**32, self.unwrap(timestamp))

    def arrived(self, timestamp, now):
        time = self.unwrap(timestamp)
        if self.first is None:
            self.first, self.first_arrival = time, now
        return time

    def place(self, ntp_of_arrival):
        """Fixes the track on the axis; without a report by when its first packet arrived."""
        if self.report:
            self._anchor = self.report
        else:
            self._anchor = (self.first_arrival + ntp_of_arrival, self.first)

    @property
    def placed(self):
        return self._anchor is not None

    def seconds(self, time):
        return self._anchor[0] + (time - self._anchor[1]) / self.rate


class DecodingClock:
    """Rebuilds decoding times, which RTP does not carry: the n-th smallest display time, `depth` frames early.

    With reorder depth d, d frames at most come before a frame in decoding order and after it in display order; so
    once d earlier times are put in front, the smallest time not yet used is never later than the frame's own.
    """

    def __init__(self, depth, frame_duration):
        self.depth, self.frame_duration = depth, frame_duration or NOMINAL_FRAME
        self._waiting = []
        self._started = False

    @property
    def lead(self):
        return self.depth * self.frame_duration

    def decode_time(self, display_time):
        if not self._started:
            self._started = True
            for early in range(1, self.depth + 1):
                heapq.heappush(self._waiting, display_time - early * self.frame_duration)
        return heapq.heappushpop(self._waiting, display_time)


class Milliseconds:
    """RTMP's clock: whole milliseconds from 0, strictly rising where a track's decoding times must."""

    def __init__(self):
        self._last = -1

    def rising(self, seconds):
        self._last = max(round(seconds * 1000), self._last + 1, 0)
        return self._last
