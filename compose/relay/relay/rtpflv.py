"""H.264 and AAC over RTP (RFC 6184, RFC 3640) to FLV tags."""
import heapq
import struct
import time

from . import flv, h264, sdp
from .errors import ProtocolError
from .log import log
from .timeline import DecodingClock, Milliseconds, TrackClock

# Until every track has shown its first packet, the stream's zero is unknown. A track that stays away is not waited for longer.
ORIGIN_WAIT = 1.0
MAX_SAMPLE = 8 << 20
SENDER_REPORT = 200


def payload_of(packet):
    """Payload, RTP timestamp and marker of an RTP packet (RFC 3550 5.1)."""
    if len(packet) < 12 or packet[0] >> 6 != 2:
        raise ProtocolError("not an RTP packet")
    start = 12 + 4 * (packet[0] & 15)
    if packet[0] & 16:
        if len(packet) < start + 4:
            raise ProtocolError("RTP header extension is cut off")
        start += 4 + 4 * struct.unpack_from(">H", packet, start + 2)[0]
    end = len(packet) - (packet[-1] if packet[0] & 32 else 0)
    if start > end:
        raise ProtocolError("RTP packet is shorter than its header")
    return packet[start:end], struct.unpack_from(">I", packet, 4)[0], bool(packet[1] & 128)


class _Assembler:
    def __init__(self, track, take):
        self.track, self.take = track, take

    def append_limited(self, buffer, data):
        buffer += data
        if len(buffer) > MAX_SAMPLE:
            raise ProtocolError(f"{self.track.codec} frame of more than {MAX_SAMPLE >> 20} MB")


class VideoAssembler(_Assembler):
    """Collects NAL units into access units; gives (RTP time, NAL units)."""

    def __init__(self, track, take):
        super().__init__(track, take)
        self.nals, self.timestamp, self.fragment, self.size = [], None, None, 0

    def feed(self, packet):
        payload, timestamp, marker = payload_of(packet)
        if timestamp != self.timestamp:
            self.finish()
            self.timestamp = timestamp
        if payload:
            self._unpack(payload)
        if marker:
            self.finish()

    def _unpack(self, payload):
        kind = payload[0] & 31
        if kind < h264.STAP_A:
            self._add(payload)
        elif kind == h264.STAP_A:
            offset = 1
            while offset + 2 <= len(payload):
                size = struct.unpack_from(">H", payload, offset)[0]
                if not size or offset + 2 + size > len(payload):
                    raise ProtocolError("aggregated NAL unit is cut off")
                self._add(payload[offset + 2:offset + 2 + size])
                offset += 2 + size
        elif kind == h264.FU_A and len(payload) > 2:
            if payload[1] & 128:
                self.fragment = bytearray([payload[0] & 0xE0 | payload[1] & 31])
            if self.fragment is not None:
                self.append_limited(self.fragment, payload[2:])
                if payload[1] & 64:
                    self._add(bytes(self.fragment))
                    self.fragment = None
        else:
            raise ProtocolError(f"H.264 packet type {kind} is not supported")

    def _add(self, nal):
        self.size += len(nal)
        if self.size > MAX_SAMPLE:
            raise ProtocolError(f"H.264 frame of more than {MAX_SAMPLE >> 20} MB")
        self.nals.append(nal)

    def finish(self):
        nals, self.nals, self.size = self.nals, [], 0
        if nals:
            self.take(self.timestamp, nals)


class AudioAssembler(_Assembler):
    """Splits packets of AAC frames; gives (RTP time, frame)."""

    def __init__(self, track, take):
        super().__init__(track, take)
        self.partial, self.wanted = bytearray(), 0

    def feed(self, packet):
        payload, timestamp, _ = payload_of(packet)
        if len(payload) < 2:
            raise ProtocolError("AAC packet is cut off")
        count = struct.unpack_from(">H", payload)[0] // 16
        offset = 2 + 2 * count
        if not count or offset > len(payload):
            raise ProtocolError("AAC packet is cut off")
        for index in range(count):
            size = struct.unpack_from(">H", payload, 2 + 2 * index)[0] >> 3
            frame = payload[offset:offset + size]
            offset += size
            if len(frame) < size:                        # one frame over several packets (RFC 3640 3.2.3.1)
                if count > 1:
                    raise ProtocolError("AAC frame is cut off")
                self._fragment(timestamp, frame, size)
            else:
                self.partial.clear()
                self.take((timestamp + 1024 * index) % 2**32, frame)

    def _fragment(self, timestamp, part, size):
        if size != self.wanted:
            self.partial.clear()
        self.wanted = size
        self.append_limited(self.partial, part)
        if len(self.partial) >= size:
            frame = bytes(self.partial[:size])
            self.partial.clear()
            self.take(timestamp, frame)


class RtpToFlv:
    """One publisher's RTP packets to tags, given to `emit` as they become complete.

    Times: the earliest decoding time of all tracks is 0; between tracks the sender reports decide.
    """

    def __init__(self, tracks, emit, clock=time.monotonic):
        self.tracks, self.emit, self.now = tracks, emit, clock
        self.origin = None
        self.pending = []                                # (track index, unwrapped time, NAL units or AAC frame)
        self.started = None
        self.configuration = self.parameters = self.decoding = None
        self.clocks = [TrackClock(t.clock) for t in tracks]
        self.milliseconds = [Milliseconds() for _ in tracks]
        self.assemblers = {i: self._assembler(i) for i, t in enumerate(tracks) if t.convertible}

    def _assembler(self, index):
        kind = VideoAssembler if self.tracks[index].codec == sdp.H264 else AudioAssembler
        return kind(self.tracks[index], lambda timestamp, sample: self._take(index, timestamp, sample))

    def headers(self):
        """Metadata and decoder configurations, as far as the session description holds them."""
        video = next((t for t in self.tracks if t.codec == sdp.H264 and t.sps), None)
        audio = next((t for t in self.tracks if t.codec == sdp.AAC and t.convertible), None)
        values = {}
        if video:
            self._use_parameter_sets(video)
            values.update(width=self.parameters.width, height=self.parameters.height)
            if self.parameters.frame_duration:
                values["frame_rate"] = 1 / self.parameters.frame_duration
        if audio:
            values["sample_rate"], values["channels"] = sdp.audio_parameters(audio.audio_config)
        tags = [flv.Tag(flv.DATA, 0, flv.metadata(**values))]
        if video:
            tags.append(flv.Tag(flv.VIDEO, 0, flv.video_configuration(self.configuration)))
        if audio:
            tags.append(flv.Tag(flv.AUDIO, 0, flv.audio_configuration(audio.audio_config)))
        return tags

    def feed(self, index, packet):
        if index in self.assemblers:
            self.assemblers[index].feed(packet)

    def control(self, index, packet):
        if len(packet) >= 2 and packet[1] == SENDER_REPORT:
            self.clocks[index].sender_report(packet)

    def _take(self, index, timestamp, sample):
        now = self.now()
        moment = self.clocks[index].arrived(timestamp, now)
        if self.origin is not None:
            self._send(index, moment, sample)
            return
        if self.started is None:
            self.started = now
        self.pending.append((index, moment, sample))
        known = all(self.clocks[i].first is not None and self.clocks[i].report for i in self.assemblers)
        if known or now - self.started > ORIGIN_WAIT:
            self._set_origin()

    def _set_origin(self):
        seen = [i for i in self.assemblers if self.clocks[i].first is not None]
        reported = [self.clocks[i] for i in seen if self.clocks[i].report]
        ntp_of_arrival = 0.0
        if reported:
            ntp, moment = reported[0].report
            ntp_of_arrival = ntp + (reported[0].first - moment) / reported[0].rate - reported[0].first_arrival
        self.ntp_of_arrival = ntp_of_arrival
        starts = []
        for index in seen:
            clock = self.clocks[index]
            clock.place(ntp_of_arrival)
            start = clock.seconds(clock.first)
            if self.tracks[index].codec == sdp.H264:
                frames = [p for p in self.pending if p[0] == index]
                for _, _, nals in frames:
                    self._learn_parameter_sets(index, nals)
                self._start_decoding(index, [clock.seconds(m) for _, m, _ in frames])
                start -= self.decoding.lead
            starts.append(start)
        self.origin = min(starts)
        pending, self.pending = self.pending, []
        for entry in self._in_order(pending):
            self._send(*entry)

    def _in_order(self, pending):
        """By time, sound before the picture of its time; a reader takes the first tag's time for the stream's beginning."""
        timed = [(self.clocks[p[0]].seconds(p[1]), p) for p in pending]
        audio = sorted((t for t in timed if self.tracks[t[1][0]].codec != sdp.H264), key=lambda t: t[0])
        # Pictures stay in decoding order: each counts from the earliest display time that is still to come.
        video, earliest = [], float("inf")
        for seconds, entry in reversed([t for t in timed if self.tracks[t[1][0]].codec == sdp.H264]):
            earliest = min(earliest, seconds)
            video.append((earliest, entry))
        return [entry for _, entry in heapq.merge(audio, reversed(video), key=lambda t: t[0])]

    def _start_decoding(self, index, times):
        parameters = self.parameters
        depth = parameters.reorder_depth if parameters else h264.UNSTATED_REORDER_DEPTH
        duration = parameters and parameters.frame_duration
        if not duration and len(times) > 1:
            ordered = sorted(times)
            duration = min((b - a for a, b in zip(ordered, ordered[1:]) if b > a), default=None)
        self.decoding = DecodingClock(depth, duration)

    def _send(self, index, moment, sample):
        clock = self.clocks[index]
        if not clock.placed:                             # a track that began after the others
            clock.place(self.ntp_of_arrival)
        seconds = clock.seconds(moment) - self.origin
        if self.tracks[index].codec == sdp.H264:
            self._send_video(index, seconds, sample)
        else:
            self.emit(flv.Tag(flv.AUDIO, self.milliseconds[index].rising(seconds), flv.audio_frame(sample)))

    def _send_video(self, index, display_time, nals):
        changed = self._learn_parameter_sets(index, nals)
        if self.decoding is None:
            self._start_decoding(index, [])
        slices = [n for n in nals if n[0] & 31 not in (h264.NAL_SPS, h264.NAL_PPS, h264.NAL_AUD)]
        if not slices:
            return
        decode_time = self.milliseconds[index].rising(self.decoding.decode_time(display_time))
        if changed:
            self.emit(flv.Tag(flv.VIDEO, decode_time, flv.video_configuration(self.configuration)))
        key = any(n[0] & 31 == h264.NAL_IDR for n in slices)
        sample = b"".join(struct.pack(">I", len(n)) + n for n in slices)
        composition = max(0, round(display_time * 1000)) - decode_time
        self.emit(flv.Tag(flv.VIDEO, decode_time, flv.video_frame(sample, key, composition)))

    def _learn_parameter_sets(self, index, nals):
        track = self.tracks[index]
        for nal in nals:
            if nal[0] & 31 == h264.NAL_SPS and len(nal) >= 4:
                track.sps = nal
            elif nal[0] & 31 == h264.NAL_PPS:
                track.pps = nal
        return bool(track.sps and track.pps) and self._use_parameter_sets(track)

    def _use_parameter_sets(self, track):
        configuration = h264.decoder_configuration(track.sps, track.pps)
        if configuration == self.configuration:
            return False
        try:
            self.parameters = h264.parse_sps(track.sps)
        except ProtocolError as error:
            if self.parameters is None:
                raise
            log("keeping the former picture parameters:", error)
        self.configuration = configuration
        return True
