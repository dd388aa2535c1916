"""H.264, AAC and plain samples over RTP (RFC 3550, 6184, 3640, 3551), both ways. What cannot be unpacked is left out."""
import struct

from . import av1, h264, hevc, latm, sdp
from .errors import ProtocolError

MAX_SAMPLE = 8 << 20
MAX_PAYLOAD = 1460                      # MediaMTX's: a UDP payload of 1472 bytes less RTP's header
HEADER = struct.Struct(">BBHII")


def parse(packet):
    """Payload, sequence number, RTP time and marker of a packet (RFC 3550 5.1)."""
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
    _, second, sequence, timestamp, _ = HEADER.unpack_from(packet)
    return packet[start:end], sequence, timestamp, bool(second & 128)


def aggregated(payload):
    """The NAL units of an aggregation packet (RFC 6184 5.7.1)."""
    nals, offset = [], 1
    while offset + 2 <= len(payload):
        size = struct.unpack_from(">H", payload, offset)[0]
        if not size and not any(payload[offset:]):
            break                                        # padding
        if not size or offset + 2 + size > len(payload):
            raise ProtocolError("aggregated NAL unit is cut off")
        nals.append(payload[offset + 2:offset + 2 + size])
        offset += 2 + size
    return nals


def leading_nals(payload):
    """The NAL units whose type an H.264 payload shows: whole ones, and the header of a fragmented one that begins here."""
    kind = payload[0] & 31 if payload else 0
    if kind == h264.STAP_A:
        return aggregated(payload)
    if kind == h264.FU_A:
        return [bytes([payload[1] & 31])] if len(payload) > 1 and payload[1] & 128 else []
    return [payload] if payload else []


class VideoUnpacker:
    """Collects NAL units into access units; `feed` gives one when it is complete."""

    def __init__(self, track):
        self.nals, self.timestamp, self.size = [], None, 0
        self.fragment, self.following = None, 0

    def feed(self, payload, sequence, timestamp, marker):
        nals = self._nals(payload, sequence)
        if nals is None:
            return None
        done = None
        if self.nals and timestamp != self.timestamp:    # some cameras set no marker
            done, self.nals, self.size = self.nals, [], 0
        self.timestamp = timestamp
        self.nals += nals
        self.size += sum(map(len, nals))
        if self.size > MAX_SAMPLE:
            self.nals, self.size = [], 0
            raise ProtocolError(f"H.264 picture of more than {MAX_SAMPLE >> 20} MB")
        if done is None and marker:
            done, self.nals, self.size = self.nals, [], 0
        return done

    def _nals(self, payload, sequence):
        if not payload:
            raise ProtocolError("H.264 packet is empty")
        kind = payload[0] & 31
        if kind != h264.FU_A:
            self.fragment = None
            if kind == h264.STAP_A:
                return [n for n in aggregated(payload) if n]
            if kind > h264.STAP_A:
                raise ProtocolError(f"H.264 packet type {kind} is not supported")
            return [payload]
        if len(payload) < 3:
            raise ProtocolError("H.264 fragment is cut off")
        if payload[1] & 128:
            self.fragment = bytearray([payload[0] & 0xE0 | payload[1] & 31])
        elif self.fragment is None:
            return None                                  # its beginning was before this reader's time
        elif sequence != self.following:
            self.fragment = None
            raise ProtocolError("a fragment is missing")
        self.fragment += payload[2:]
        self.following = sequence + 1 & 0xFFFF
        if len(self.fragment) > MAX_SAMPLE:
            self.fragment = None
            raise ProtocolError(f"H.264 NAL unit of more than {MAX_SAMPLE >> 20} MB")
        if not payload[1] & 64:
            return None
        nal, self.fragment = bytes(self.fragment), None
        return [nal]


class AudioUnpacker:
    """Splits packets of AAC frames; a frame in several packets is complete with the marker."""

    def __init__(self, track):
        self.size, self.index, self.delta = track.size_bits, track.index_bits, track.delta_bits
        self.partial, self.following = None, 0

    def feed(self, payload, sequence, timestamp, marker):
        sizes, offset = self._sizes(payload)
        frames = []
        for size in sizes:
            if offset + size > len(payload):
                raise ProtocolError("AAC frame is cut off")
            frames.append(payload[offset:offset + size])
            offset += size
        if self.partial is None and marker:
            return frames
        if len(frames) != 1:
            self.partial = None
            raise ProtocolError("packet of a fragmented AAC frame holds several frames")
        if self.partial is not None and sequence != self.following:
            self.partial = None
            raise ProtocolError("a part of an AAC frame is missing")
        self.partial = (self.partial or b"") + frames[0]
        self.following = sequence + 1 & 0xFFFF
        if not marker:
            return None
        frame, self.partial = self.partial, None
        return [frame]

    def _sizes(self, payload):
        if len(payload) < 2:
            raise ProtocolError("AAC packet is cut off")
        left = struct.unpack_from(">H", payload)[0]
        offset = 2 + (left + 7) // 8
        if not left or offset > len(payload):
            raise ProtocolError("AAC packet is cut off")
        header = int.from_bytes(payload[2:offset], "big") >> (-left % 8)
        sizes = []
        while left > 0:
            extra = self.delta if sizes else self.index
            left -= self.size + extra
            size = header >> max(left + extra, 0) & (1 << self.size) - 1
            if left < 0 or not size or header >> left & (1 << extra) - 1:
                raise ProtocolError("AAC headers are damaged or interleaved")
            sizes.append(size)
        return sizes, offset


class PlainUnpacker:
    """G.711 and Opus: the payload is the sample."""

    def __init__(self, track):
        pass

    def feed(self, payload, sequence, timestamp, marker):
        return [payload]


UNPACKERS = {sdp.H264: VideoUnpacker, sdp.AAC: AudioUnpacker, sdp.LATM: latm.Unpacker,
             sdp.PCMA: PlainUnpacker, sdp.PCMU: PlainUnpacker, sdp.OPUS: PlainUnpacker}


class Packer:
    """One track's units to RTP packets, for RTSP readers of an RTMP publisher."""

    def __init__(self, track, source):
        self.track, self.source, self.sequence = track, source, 0

    def packets(self, time, payload):
        codec = self.track.codec
        if codec == sdp.H264:
            return [self._packet(time, last, part) for part, last in self._video(payload)]
        if codec in (sdp.H265, sdp.AV1):
            parts = (hevc if codec == sdp.H265 else av1).payloads(payload, MAX_PAYLOAD)
            return [self._packet(time, last, part) for part, last in parts]
        packets = []
        for sample in payload:
            if codec == sdp.AAC:
                sample = struct.pack(">HH", 16, (len(sample) & 0x1FFF) << 3) + sample
            packets.append(self._packet(time, codec == sdp.AAC, sample))
        return packets

    def _video(self, nals):
        """(payload, is it the last) of an access unit: small NAL units together, large ones in fragments."""
        batch, size = [], 1
        for nal in nals:
            if batch and size + 2 + len(nal) > MAX_PAYLOAD:
                yield from self._batch(batch, False)
                batch, size = [], 1
            batch.append(nal)
            size += 2 + len(nal)
        yield from self._batch(batch, True)

    def _batch(self, nals, last):
        if len(nals) > 1:
            yield bytes([h264.STAP_A]) + b"".join(struct.pack(">H", len(n)) + n for n in nals), last
        elif len(nals[0]) < MAX_PAYLOAD:
            yield nals[0], last
        else:
            nal, step = nals[0], MAX_PAYLOAD - 2
            for offset in range(1, len(nal), step):
                final = offset + step >= len(nal)
                header = bytes([nal[0] & 0xE0 | h264.FU_A, (offset == 1) << 7 | final << 6 | nal[0] & 31])
                yield header + nal[offset:offset + step], last and final

    def _packet(self, time, marker, payload):
        self.sequence = self.sequence + 1 & 0xFFFF
        return HEADER.pack(0x80, self.track.payload_type | marker << 7, self.sequence, time & 0xFFFFFFFF,
                           self.source) + payload


def readdress(packet, source):
    """The packet from another synchronization source: MediaMTX's own, one for each track."""
    return packet[:8] + struct.pack(">I", source) + packet[12:]
