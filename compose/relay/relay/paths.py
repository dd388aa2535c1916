"""Paths: one publisher, its tracks and its readers. Nothing is kept for readers that come later."""
import datetime
import re

from . import h264, hevc, rtp, sdp
from .errors import ProtocolError
from .log import log
from .sender import Sender
from .timeline import ArrivalClock

SOURCE = 0x52454C00                     # the first track's RTP synchronization source


def check_name(name):
    """MediaMTX's rule for names of paths."""
    if not re.fullmatch(r"[0-9a-zA-Z_\-/.~:]+", name) or name[0] == "/" or name[-1] == "/":
        raise ProtocolError(f"unusable path name {name[:80]!r}")
    return name


class Registry:
    def __init__(self):
        self._paths = {}

    def get(self, name):
        return self._paths.get(name)

    def names(self):
        return sorted(self._paths)

    def add(self, path):
        former = self._paths.get(path.name)
        if former:
            log("path", path.name, "is taken over by a new publisher")
            former.close()
        self._paths[path.name] = path

    def forget(self, path):
        if self._paths.get(path.name) is path:
            del self._paths[path.name]

    def close(self):
        for path in list(self._paths.values()):
            path.close()


class Path:
    """Publishers fill `take_packet` (RTSP) or `take_unit` (RTMP); either reaches readers of both kinds."""

    def __init__(self, registry, name, source, tracks):
        self.registry, self.name, self.source, self.tracks = registry, check_name(name), source, tracks
        self.closed = False
        self.ready_time = datetime.datetime.now().astimezone()
        self.received = self.sent = 0
        self.readers = set()                             # who has asked, playing or not
        self.playing = {"rtspSession": set(), "rtmpConn": set()}
        self.clock = ArrivalClock()
        self.packers = [rtp.Packer(track, SOURCE + i) for i, track in enumerate(tracks)]
        self.unpackers, self.senders = {}, []
        registry.add(self)
        log("path", self.name, "is ready,", source.kind, ", ".join(t.label for t in tracks))

    def close(self, keep=None):
        """The publisher has left: its readers are closed with it, whatever waits in their queues; `keep` stays connected."""
        if self.closed:
            return
        self.closed = True
        self.registry.forget(self)
        log("path", self.name, "is gone")
        for sender in self.senders:
            sender.close()
        for connection in {self.source, *self.readers} - {keep}:
            connection.end()

    # Readers

    def prepare_rtsp(self, generation):
        """From the first request of an RTSP reader on, what it must know about the clocks is kept up to date."""
        if not self.senders:
            self.senders = [Sender(i, track.clock, SOURCE + i, self, generation.reports_at_once) for i, track in enumerate(self.tracks)]

    def add_reader(self, reader):
        self.readers.add(reader)

    def play(self, reader):
        self.playing[reader.kind].add(reader)

    def remove_reader(self, reader):
        self.readers.discard(reader)
        self.playing[reader.kind].discard(reader)

    # From the publisher

    def take_packet(self, index, packet):
        """An RTP packet. It goes to RTSP readers as it is, and in units to RTMP readers while there are any."""
        track = self.tracks[index]
        payload, sequence, timestamp, marker = rtp.parse(packet)
        leading = rtp.leading_nals(payload) if track.codec == sdp.H264 else ()
        is_key = track.codec != sdp.H264 or any(n and n[0] & 31 in (h264.NAL_IDR, h264.NAL_SPS, h264.NAL_PPS) for n in leading)
        time = self.clock.place(index, track.clock, timestamp, is_key)
        if time is None:                                 # before the first key picture: parameter sets are in the description
            return
        self.received += len(packet)
        if track.codec == sdp.H264:
            self._learn(track, leading)
        if self.senders:
            self._send_packet(index, rtp.readdress(packet, SOURCE + index), is_key)
        unpacker = self.unpackers.get(index)
        if unpacker is None:
            if not self.playing["rtmpConn"] or track.codec not in rtp.UNPACKERS:
                return
            unpacker = self.unpackers[index] = rtp.UNPACKERS[track.codec](track)
        payload = unpacker.feed(payload, sequence, timestamp, marker)
        if payload and track.codec == sdp.H264:
            payload = h264.remux(payload, track.sps, track.pps)
        # In a reader's queue every packet takes a place, whether it ends a unit or not.
        for reader in tuple(self.playing["rtmpConn"]):
            reader.push(index, time, payload)

    def take_unit(self, index, time, payload):
        """A unit at a time in ticks of its track: a picture's NAL units, or samples of sound."""
        track = self.tracks[index]
        if track.codec == sdp.H264:
            self._learn(track, payload)
            payload = h264.remux(payload, track.sps, track.pps)
        elif track.codec == sdp.H265:
            payload = hevc.remux(payload, track.record)
        if not payload:
            return
        self.received += sum(map(len, payload))
        if self.senders:
            is_key = track.codec != sdp.H264 or h264.is_key(payload)
            for packet in self.packers[index].packets(time, payload):
                self._send_packet(index, packet, is_key)
        for reader in tuple(self.playing["rtmpConn"]):
            reader.push(index, time, payload)

    @staticmethod
    def _learn(track, nals):
        for nal in nals:
            if not nal:
                continue
            if nal[0] & 31 == h264.NAL_SPS and len(nal) >= 4:
                track.sps = nal
            elif nal[0] & 31 == h264.NAL_PPS and len(nal) > 1:
                track.pps = nal

    def _send_packet(self, index, packet, is_key):
        self.senders[index].sent(packet, is_key)
        for reader in tuple(self.playing["rtspSession"]):
            reader.push(index, False, packet)

    def send_report(self, index, packet):
        for reader in tuple(self.playing["rtspSession"]):
            reader.push(index, True, packet)

    # For the control API

    def info(self, generation):
        stamp, tracks = self.ready_time.isoformat(), [t.label for t in self.tracks]
        values = {"name": self.name, "confName": "all_others", "source": {"type": self.source.kind, "id": self.source.id},
                  "ready": True, "readyTime": stamp}
        if generation.names_availability:
            values.update(available=True, availableTime=stamp, online=True, onlineTime=stamp)
        values.update(tracks=tracks, bytesReceived=self.received, bytesSent=self.sent,
                      readers=[{"type": r.kind, "id": r.id} for r in self.readers])
        if generation.names_inbound_bytes:
            values.update(tracks2=[{"codec": codec} for codec in tracks], inboundBytes=self.received,
                          outboundBytes=self.sent, inboundFramesInError=0)
        return values
