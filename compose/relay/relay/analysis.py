"""What an RTMP publisher sends, found out as MediaMTX does: by reading two seconds of it before anybody may see it."""
from . import flv, h264, hevc, sdp
from .errors import ProtocolError

PERIOD = 2000                           # ms, between the first and the latest message's time stamps
MAX_MESSAGES = 5000


class Analysis:
    """Takes messages until they span the period. The tracks are those whose headers came by then; later ones are refused.

    Any audio or video message counts, headers too, so that a second header stamped 2,000 ms after the first message ends the
    analysis at once. Enhanced RTMP's headers carry a time stamp that does not count.
    """

    def __init__(self):
        self.recorded, self.count = [], 0
        self.first = self.latest = None
        self.video, self.audio, self.announced = {}, {}, {}
        self.named = set()                               # (kind, number) of tracks beside the first

    def take(self, media):
        """True when the analysis is over; `media` is None for any other message."""
        self.count += 1
        if self.count > MAX_MESSAGES:
            raise ProtocolError(f"more than {MAX_MESSAGES} messages before the tracks were known")
        if media is not None:
            self.recorded.append(media)
            self.named |= {(media.kind, media.track)} if media.track else set()
            self._learn(media)
            if not (media.is_enhanced and media.is_configuration):
                self.first = media.time if self.first is None else self.first
                self.latest = media.time
        return self.first is not None and self.latest - self.first >= PERIOD

    def _learn(self, media):
        if media.kind == flv.VIDEO:
            if media.is_configuration and media.track not in self.video:
                self.video[media.track] = self._pictures(media)
        elif media.is_enhanced:
            self._learn_enhanced(media)
        elif media.codec != sdp.AAC:
            self.audio.setdefault(0, sdp.Track(media.codec, 8000, "audio", channels=media.channels))
        elif media.is_configuration and media.payload and 0 not in self.audio:
            self.audio[0] = self._aac(media.payload)

    def _learn_enhanced(self, media):
        """An enhanced track needs its header and a frame."""
        if media.is_configuration:
            if media.track in self.announced:
                raise ProtocolError(f"audio track {media.track} is announced twice")
            self.announced[media.track] = media
        elif media.track not in self.audio:
            header = self.announced.get(media.track)
            if header is None or header.codec != media.codec:
                raise ProtocolError(f"audio track {media.track} has frames without a header")
            if media.codec == sdp.AAC:
                self.audio[media.track] = self._aac(header.payload)
            else:
                channels = header.payload[9] if len(header.payload) > 9 else 2
                self.audio[media.track] = sdp.Track(sdp.OPUS, 48000, "audio", channels=channels)

    @staticmethod
    def _pictures(media):
        if media.codec == sdp.H265:
            return sdp.Track(sdp.H265, 90000, record=media.payload, lines=hevc.description(media.payload))
        if media.codec == sdp.AV1:
            return sdp.Track(sdp.AV1, 90000, record=media.payload, lines=("a=rtpmap:96 AV1/90000",))
        sps, pps = h264.parameter_sets(media.payload)
        return sdp.Track(sdp.H264, 90000, sps=sps, pps=pps)

    @staticmethod
    def _aac(config):
        rate, channels = sdp.audio_parameters(config)
        return sdp.Track(sdp.AAC, rate, "audio", channels=channels, audio_config=sdp.plain_config(config))

    def tracks(self):
        """(kind, track number) → track, in the order in which MediaMTX lists them."""
        found = {(flv.VIDEO, n): self.video[n] for n in sorted(self.video)}
        found.update({(flv.AUDIO, n): self.audio[n] for n in sorted(self.audio)})
        if not found:
            raise ProtocolError("no tracks found")
        # As MediaMTX of today does; older ones do worse.
        if self.named - found.keys():
            raise ProtocolError(f"tracks without a header: {sorted(number for _, number in self.named - found.keys())}")
        for (kind, _), track in found.items():
            if track.channels == 1 and kind == flv.AUDIO and track.codec in (sdp.PCMA, sdp.PCMU):
                track.payload_type = 8 if track.codec == sdp.PCMA else 0
        return found
