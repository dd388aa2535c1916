"""FLV tags to H.264 and AAC over RTP, for RTSP readers of an RTMP publisher."""
import struct
import time

from . import flv, h264, sdp

MAX_PAYLOAD = 1400
NTP_EPOCH = 2208988800                  # seconds from 1900 to 1970
REPORT_EVERY = 5000                     # ms


class FlvToRtp:
    """`emit` gets (track index, is it RTCP, packet)."""

    def __init__(self, video, audio, emit, now=time.time):
        """`video`, `audio`: the decoder configurations (without FLV's header), or None."""
        self.emit, self.started = emit, now()
        self.tracks, self.index = [], {}
        if video:
            sps, pps = h264.parameter_sets(video)
            self._add(flv.VIDEO, sdp.Track(sdp.H264, 90000, "", sps=sps, pps=pps))
        if audio:
            rate, _ = sdp.audio_parameters(audio)
            self._add(flv.AUDIO, sdp.Track(sdp.AAC, rate, "", audio_config=audio))
        self.sequence = [0] * len(self.tracks)
        self.reported = {}
        self.origin = None

    def _add(self, kind, track):
        self.index[kind] = len(self.tracks)
        track.control = f"streamid={len(self.tracks)}"
        self.tracks.append(track)

    def feed(self, tag, readers):
        """`readers`: whether anybody reads RTP; sender reports are kept up to date in any case."""
        index = self.index.get(tag.kind)
        if index is None or tag.is_configuration or len(tag.body) < 3:
            return
        if self.origin is None:
            self.origin = tag.time
        if index not in self.reported or tag.time - self.reported[index] > REPORT_EVERY:
            self._report(index, tag.time)
        if not readers:
            return
        if tag.kind == flv.AUDIO and tag.body[0] >> 4 == flv.AAC:
            frame = tag.body[2:]
            timestamp = round(tag.time * self.tracks[index].clock / 1000)
            self._packet(index, timestamp, True, struct.pack(">HH", 16, (len(frame) & 0x1FFF) << 3) + frame)
        elif tag.kind == flv.VIDEO and tag.body[0] & 15 == flv.AVC and tag.body[1] == 1:
            self._video(index, (tag.time + flv.composition_offset(tag.body)) * 90, h264.split_nals(tag.body[5:]))

    def _video(self, index, timestamp, nals):
        for number, nal in enumerate(nals):
            last = number == len(nals) - 1
            if len(nal) <= MAX_PAYLOAD:
                self._packet(index, timestamp, last, nal)
                continue
            step = MAX_PAYLOAD - 2
            for offset in range(1, len(nal), step):
                final = offset + step >= len(nal)
                header = bytes([nal[0] & 0xE0 | h264.FU_A, (offset == 1) << 7 | final << 6 | nal[0] & 31])
                self._packet(index, timestamp, last and final, header + nal[offset:offset + step])

    def _packet(self, index, timestamp, marker, payload):
        self.sequence[index] = self.sequence[index] + 1 & 0xFFFF
        kind = 96 if self.tracks[index].codec == sdp.H264 else 97
        self.emit(index, False, struct.pack(">BBHII", 0x80, kind | marker << 7, self.sequence[index],
                                            timestamp & 0xFFFFFFFF, 100 + index) + payload)

    def _report(self, index, milliseconds):
        self.reported[index] = milliseconds
        ntp = self.started + NTP_EPOCH + (milliseconds - self.origin) / 1000
        timestamp = round(milliseconds * self.tracks[index].clock / 1000) & 0xFFFFFFFF
        self.emit(index, True, struct.pack(">BBHIIIIII", 0x80, 200, 6, 100 + index, int(ntp),
                                           int(ntp % 1 * 2**32), timestamp, 0, 0))
