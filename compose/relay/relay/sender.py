"""What an RTSP reader is told about a track's clock: RTCP sender reports and the RTP-Info header."""
import asyncio
import struct
import time

NTP_EPOCH = 2208988800                  # seconds from 1900 to 1970
PERIOD = 10.0                           # s


class Sender:
    def __init__(self, index, clock, source, path, at_once):
        """`at_once`: whether the first report does not wait for the first period to be over."""
        self.at_once = at_once
        self.index, self.clock, self.source, self.path = index, clock, source, path
        self.sequence = self.packets = self.octets = 0
        self.key = None                                  # (RTP time, clock time) of the last packet that can be dated
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._report)

    def close(self):
        self._timer.cancel()

    def sent(self, packet, is_key):
        _, self.sequence, timestamp = struct.unpack_from(">HHI", packet)
        self.packets, self.octets = self.packets + 1, self.octets + len(packet) - 12
        if is_key:
            is_first, self.key = self.key is None, (timestamp, time.time())
            if is_first and self.at_once:
                self._send_report()

    def _timestamp(self, now):
        return self.key[0] + int((now - self.key[1]) * self.clock)

    def _report(self):
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._report)
        self._send_report()

    def _send_report(self):
        if self.key:
            now = time.time()
            ntp = now + NTP_EPOCH
            self.path.send_report(self.index, struct.pack(
                ">BBHIIIIII", 0x80, 200, 6, self.source, int(ntp), int(ntp % 1 * 2**32),
                self._timestamp(now) & 0xFFFFFFFF, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF))

    def info(self):
        """The track's part of RTP-Info, a tenth of a second early as MediaMTX gives it; empty before anything can be dated."""
        if not self.key:
            return ""
        timestamp = self._timestamp(time.time()) - self.clock // 10
        return f";seq={self.sequence + 1 & 0xFFFF};rtptime={timestamp & 0xFFFFFFFF}"
