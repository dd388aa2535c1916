"""Paths: one publisher, its tracks and its readers."""
import time

from . import flv, sdp
from .errors import ProtocolError
from .flvrtp import FlvToRtp
from .log import log
from .rtpflv import RtpToFlv

MAX_NAME = 255
# What a late reader gets at once. A longer group of pictures is given up: that reader starts at the next key frame.
MAX_CACHE = 32 << 20
# How long a stream's beginning is kept for readers that come late, milliseconds of its own time.
OPENING_MS = 10_000


def clean_name(raw):
    name = raw.split("?")[0].strip("/")
    if not name or len(name) > MAX_NAME or any(ord(c) < 32 for c in name):
        raise ProtocolError("unusable path name")
    return name


class Registry:
    def __init__(self):
        self._paths = {}

    def get(self, name):
        return self._paths.get(name)

    def names(self):
        return sorted(self._paths)

    def publish(self, path):
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


class GroupCache:
    """The tags from the last key frame on, plus the audio that belongs to them but came first.

    While a stream is younger than `opening` milliseconds nothing is dropped: who polls for new streams and needs a moment
    to connect, on a busy machine several seconds, then still gets the stream from its start.
    """

    def __init__(self, opening=OPENING_MS):
        self.opening, self.start = opening, None
        self.tags, self.size, self.overflowed, self.has_key = [], 0, False, False

    def add(self, tag):
        if self.start is None:
            self.start = tag.time
        if tag.is_key_frame and not (self.has_key and tag.time - self.start <= self.opening):
            keep = [t for t in self.tags if t.kind == flv.AUDIO and (not self.has_key or t.time >= tag.time)]
            self.tags, self.size = keep, sum(len(t.body) for t in keep)
            self.overflowed, self.has_key = False, True
        elif tag.kind == flv.VIDEO and not self.has_key:
            return
        elif not self.has_key and tag.time - self.start > self.opening:
            # Sound alone: after its opening there is nothing that a late reader would have to begin with.
            self.tags, self.size = [], 0
            return
        if self.overflowed:
            return
        self.tags.append(tag)
        self.size += len(tag.body)
        if self.size > MAX_CACHE:
            log(f"group of pictures of more than {MAX_CACHE >> 20} MB: late readers wait for the next key frame")
            self.tags, self.size, self.overflowed = [], 0, True


class Path:
    """RTSP publishers fill `take_rtp`, RTMP publishers `take_tag`; either reaches readers of both kinds."""

    def __init__(self, registry, name, source, kind):
        self.registry, self.name, self.source, self.kind = registry, name, source, kind
        self.ready = self.closed = False
        self.ready_time = None
        self.received = self.sent = 0
        self.readers = set()
        self.description, self.tracks, self.reports = "", [], {}
        self.metadata = self.video_header = self.audio_header = None
        self.cache = GroupCache()
        self.converter = None
        registry.publish(self)

    # Becoming ready, and ending

    def start_rtsp(self, description, tracks):
        self.description, self.tracks = description, tracks
        for track in tracks:
            if not track.convertible:
                log("path", self.name, "track", track.codec, "goes to RTSP readers only")
        self.converter = RtpToFlv(tracks, self._broadcast)
        for tag in self.converter.headers():
            self._broadcast(tag)
        self._set_ready()

    def start_rtmp(self):
        video = self.video_header.body[5:] if self.video_header else None
        audio = self.audio_header.body[2:] if self.audio_header else None
        self.converter = FlvToRtp(video, audio, self._packet)
        self.tracks = self.converter.tracks
        self.description = sdp.describe(self.tracks)
        self._set_ready()

    def _set_ready(self):
        self.ready, self.ready_time = True, time.time()
        log("path", self.name, "is ready,", self.kind, ", ".join(t.label for t in self.tracks))

    def close(self):
        if self.closed:
            return
        self.closed, self.ready = True, False
        self.registry.forget(self)
        log("path", self.name, "is gone")
        for connection in [self.source, *self.readers]:
            connection.end()

    # From the publisher

    def take_rtp(self, index, is_control, packet):
        self.received += len(packet)
        if is_control:
            self.converter.control(index, packet)
        self._packet(index, is_control, packet)
        if not is_control:
            self.converter.feed(index, packet)

    def take_tag(self, tag):
        self.received += len(tag.body)
        self._broadcast(tag)
        if self.converter:
            self.converter.feed(tag, any(r.kind == "rtspSession" for r in self.readers))

    # To the readers

    def _packet(self, index, is_control, packet):
        if is_control and len(packet) > 1 and packet[1] == 200:
            self.reports[index] = packet
        for reader in tuple(self.readers):
            if reader.kind == "rtspSession":
                reader.send_packet(index, is_control, packet)

    def _broadcast(self, tag):
        if tag.kind == flv.DATA:
            tag = flv.Tag(flv.DATA, 0, tag.body)         # ffmpeg makes a data stream of metadata at a time > 0
            self.metadata = tag
        elif tag.is_configuration:
            if tag.kind == flv.VIDEO:
                self.video_header = tag
            else:
                self.audio_header = tag
        else:
            self.cache.add(tag)
        for reader in tuple(self.readers):
            if reader.kind == "rtmpConn":
                reader.send_tag(tag)

    def opening(self):
        """What a new RTMP reader gets at once: headers, then the current group of pictures."""
        has_video = any(t.codec == sdp.H264 for t in self.tracks)
        tags = self.cache.tags if self.video_header or not has_video else []
        start = tags[0].time if tags else 0
        headers = [flv.Tag(t.kind, 0 if t.kind == flv.DATA else start, t.body)
                   for t in (self.metadata, self.video_header, self.audio_header) if t]
        return headers + tags

    def info(self):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.ready_time)) if self.ready else None
        return {"name": self.name, "confName": "all_others",
                "source": {"type": self.kind, "id": self.source.id} if self.ready else None,
                "ready": self.ready, "readyTime": stamp, "available": self.ready, "availableTime": stamp,
                "online": self.ready, "onlineTime": stamp,
                "tracks": [t.label for t in self.tracks],
                "bytesReceived": self.received, "bytesSent": self.sent,
                "readers": [{"type": r.kind, "id": r.id} for r in self.readers]}
