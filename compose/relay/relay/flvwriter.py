"""One RTMP reader's side of a path: which tracks it can have, their headers, and units as messages."""
from . import av1, chunks, flv, h264, hevc, sdp
from .errors import ProtocolError
from .timeline import DecodingTimes, milliseconds, nanoseconds, rescale


class FlvWriter:
    def __init__(self, tracks, fourccs=(), one_of_each=False):
        """`fourccs`: the codecs beyond RTMP's own that the reader says it knows; `one_of_each`: if none, of each kind the first track."""
        self.tracks, self.numbers, self.decoding = tracks, {}, {}
        count = {"video": 0, "audio": 0}
        for index, track in enumerate(tracks):
            if self._can_have(track, fourccs) and not (one_of_each and not fourccs and count[track.kind]):
                self.numbers[index] = count[track.kind]
                count[track.kind] += 1
        if not self.numbers:
            raise ProtocolError("the stream doesn't contain any codec that an RTMP reader can have")

    @staticmethod
    def _can_have(track, fourccs):
        if track.codec == sdp.OPUS:
            return "Opus" in fourccs
        if track.codec in (sdp.H265, sdp.AV1):           # those that came over RTSP have no decoder configuration
            return track.record is not None and flv.CODEC_CC[track.codec].decode() in fourccs
        if track.codec in (sdp.PCMA, sdp.PCMU):
            return track.clock == 8000
        if track.codec == sdp.LATM:
            return track.audio_config is not None
        return track.codec in (sdp.H264, sdp.AAC)

    def headers(self):
        chosen = [self.tracks[i] for i in self.numbers]
        messages = [chunks.encode(flv.DATA, 0, flv.metadata(chosen))]
        for kind, number in (("video", flv.VIDEO), ("audio", flv.AUDIO)):
            for index, position in self.numbers.items():
                if self.tracks[index].kind == kind:
                    body = flv.configuration(self.tracks[index], position)
                    messages += [chunks.encode(number, 0, body)] if body else []
        return messages

    def encode(self, index, time, payload):
        """A unit's messages; empty for a track that the reader does not have, and before its first key picture."""
        number = self.numbers.get(index)
        if number is None:
            return b""
        track = self.tracks[index]
        if track.codec == sdp.H264:
            return self._picture(index, number, time, payload)
        if track.codec in (sdp.H265, sdp.AV1):
            return self._enhanced_picture(index, number, time, payload)
        if track.frame_length_type:
            raise ProtocolError(f"unsupported frameLengthType {track.frame_length_type}")
        step = 1024 if track.codec == sdp.AAC else 0
        return b"".join(chunks.encode(flv.AUDIO, milliseconds(time + step * i, track.clock),
                                      flv.audio_frame(track, number, sample)) for i, sample in enumerate(payload))

    def _enhanced_picture(self, index, number, time, units):
        track = self.tracks[index]
        if index not in self.decoding:
            if track.codec == sdp.H265 and not hevc.is_key(units) or track.codec == sdp.AV1 and not av1.is_key(units):
                return b""
            self.decoding[index] = None                  # told by the publisher
        body = flv.enhanced_frame(track, number, units, time // 90 - units.decoding)
        return chunks.encode(flv.VIDEO, units.decoding, body)

    def _picture(self, index, number, time, nals):
        kinds = {n[0] & 31 for n in nals}
        if index not in self.decoding:
            if h264.NAL_IDR not in kinds:
                return b""
            self.decoding[index] = DecodingTimes()
        elif not kinds & {h264.NAL_IDR, h264.NAL_SLICE}:
            return b""
        decoding = self.decoding[index].of(nals, time)
        # MediaMTX rounds both down, so that a display time may be a millisecond early.
        composition = rescale(nanoseconds(time, 90000) - nanoseconds(decoding, 90000), 1, 1_000_000)
        return chunks.encode(flv.VIDEO, milliseconds(decoding, 90000), flv.video_frame(self.tracks[index], number, nals, composition))
