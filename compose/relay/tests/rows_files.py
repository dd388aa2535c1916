"""Whole files through ffmpeg: every packet of a late reader, with its time, against what was sent; and malformed input."""
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from .cases import Case, movie, run

# Neither side's parameter sets, delimiters and SEI count: the server strips and adds them (row E).
SLICES = ["-bsf:v", "filter_units=remove_types=6-9"]
SOME_SECONDS = 3
ARRIVAL = 0.3                           # s: what tracks may move apart by when they are dated by arrival on a busy machine
FREQUENT = ["-muxdelay", "0.03"]        # small audio packets: ffmpeg's default packs 0.7 s into one


def packets(url, options=()):
    """(stream, decoding time, display time, hash, has it side data) of every packet, in seconds."""
    text = run("ffmpeg", "-v", "error", "-copyts", *options, "-i", url, "-c", "copy", *SLICES, "-f", "framemd5", "-").decode()
    rates, found = {}, []
    for line in text.splitlines():
        if line.startswith("#tb"):
            _, stream, rate = line.replace(":", "").split()
            top, _, bottom = rate.partition("/")
            rates[stream] = int(top) / int(bottom)
        elif line and not line.startswith("#"):
            # Further columns are for side data, such as the sender's time.
            stream, decoding, display, _, _, digest, *more = (part.strip() for part in line.split(","))
            found.append((stream, int(decoding) * rates[stream], int(display) * rates[stream], digest, bool(more)))
    return found


class FileCase(Case):
    def through(self, publisher, b_frames, options=(), read="rtmp"):
        """What a reader that comes when the path is listed gets for some seconds, beside what was sent."""
        process = self.ffmpeg(movie(b_frames), publisher, options=options)
        self.server.await_path(self.name, 15)
        url = f"{read}://127.0.0.1:{getattr(self.server, read)}/{self.name}"
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(packets, url, ["-rtsp_transport", "tcp"] if read == "rtsp" else ())
            self.server.await_readers(self.name)
            time.sleep(SOME_SECONDS)
            process.kill()
            got = reading.result()
        self.assertGreater(len(got), 50)
        return got, packets(movie(b_frames))

    def compare(self, got, sent, kind, begins_with_key=False):
        """The received packets are a part of what was sent, without a gap; gives the differences of their display times."""
        mine, theirs = ([p for p in every if p[0] == kind] for every in (sent, got))
        digests = [p[3] for p in mine]
        self.assertGreater(len(theirs), 20, f"packets of stream {kind}")
        begin = self.position([p[3] for p in theirs], digests)
        if begins_with_key:
            self.assertEqual(begin % 30, 0, "does not begin with a key picture")
        decoding = [p[1] for p in theirs]
        self.assertEqual(decoding, sorted(set(decoding)), "decoding times do not rise")
        self.assertTrue(all(p[1] <= p[2] + 1e-6 for p in theirs))
        return [b[2] - a[2] for a, b in zip(mine[begin:], theirs)]

    def position(self, received, sent):
        """Where in what was sent it begins that all of what was received follows."""
        def alike(begin):
            return next((i for i, (a, b) in enumerate(zip(received, sent[begin:])) if a != b), min(len(received), len(sent) - begin))

        best = max(range(len(sent)), key=alike)          # the first packets may be the same as others
        self.assertEqual(alike(best), len(received), f"received from packet {best} of {len(sent)} on, but then another packet, "
                         f"which is {[i for i, d in enumerate(sent) if d == (received + [None])[alike(best)]]} of those sent")
        return best

    def streams(self, sent):
        """Which stream is the picture's: the one with fewer packets is it here."""
        count = {s: sum(p[0] == s for p in sent) for s in {p[0] for p in sent}}
        return sorted(count, key=count.get)

    def check(self, publisher, b_frames, apart, options=()):
        got, sent = self.through(publisher, b_frames, options)
        picture, sound = self.streams(sent)
        pictures = self.compare(got, sent, picture, True)
        sounds = self.compare(got, sent, sound)
        self.assertLess(max(pictures) - min(pictures), 0.003, "the pictures' distances have changed")
        self.assertLess(max(sounds) - min(sounds), 0.003, "the sound's distances have changed")
        self.assertLess(abs(sounds[0] - pictures[0]), apart, "sound and picture have moved apart")


class FileRows(FileCase):
    def test_f_rtsp_to_rtmp(self):
        self.check("rtsp", 0, ARRIVAL, FREQUENT)

    def test_f_rtsp_to_rtmp_with_reordered_pictures(self):
        self.check("rtsp", 2, ARRIVAL, FREQUENT)

    def test_f_rtmp_to_rtmp(self):
        self.check("rtmp", 0, 0.002)

    def test_f_rtmp_to_rtmp_with_reordered_pictures(self):
        self.check("rtmp", 2, 0.002)


class RtspReaderRows(FileCase):
    generations = True

    def test_d_rtmp_to_rtsp_begins_in_the_middle(self):
        got, sent = self.through("rtmp", 0, read="rtsp")
        picture, sound = self.streams(sent)
        for stream in (picture, sound):
            self.position([p[3] for p in got if p[0] == stream], [p[3] for p in sent if p[0] == stream])
        # A sender report gives packets the sender's time; before 1.20.1 the first one comes after ten seconds.
        self.assertEqual(any(p[4] for p in got), self.server.version >= (1, 20, 1))

    def test_j_credentials_and_queries_are_tolerated(self):
        for protocol, query in (("rtsp", "?token=a/b"), ("rtmp", "?token=a")):
            name = f"{self.name}-{protocol}"
            self.ffmpeg(movie(0), protocol, name, query)
            self.server.await_path(name, 15)
            read = ["-rtsp_transport", "tcp"] if protocol == "rtsp" else []
            port = getattr(self.server, protocol)
            text = run("ffprobe", "-v", "error", *read, "-show_entries", "stream=codec_name", "-of", "csv=p=0",
                       f"{protocol}://127.0.0.1:{port}/{name}{query}").decode()
            self.assertEqual(sorted(text.split()), ["aac", "h264"])


class ResilienceRows(Case):
    def test_j_malformed_input_ends_that_connection_only(self):
        client = self.publisher()
        result = self.reader()
        handshake = b"\3" + bytes(1536) + bytes(1536)
        attacks = {self.server.rtsp: [b"GARBAGE\r\n\r\n", b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nContent-Length: 999999999\r\n\r\n",
                                      b"A" * 200000, b"OPTIONS * RTSP/1.0\r\nContent-Length: -4\r\n\r\n",
                                      b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"
                                      b"Content-Length: 4\r\n\r\nnope"],
                   self.server.rtmp: [b"GET / HTTP/1.1\r\n\r\n" + bytes(1600), handshake + b"\xc3rest",
                                      handshake + b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0" + bytes(100),
                                      handshake + b"\x03\0\0\0\0\0\x04\x14\0\0\0\0\x02\xff\xffx",
                                      handshake + b"\x03\0\0\0\0\0\x04\x11\0\0\0\0\0\0\0\0"],
                   self.server.api: [b"\x16\x03\x01garbage\r\n\r\n", b"A" * 100000]}
        for port, inputs in attacks.items():
            for data in inputs:
                with self.subTest(data=data[-20:]), socket.create_connection(("127.0.0.1", port), 5) as peer:
                    peer.settimeout(5)
                    try:
                        peer.sendall(data)
                        peer.shutdown(socket.SHUT_WR)    # MediaMTX waits for the rest of some of these
                        while peer.recv(65536):
                            pass
                    except (ConnectionError, OSError):   # closed while it was being sent
                        pass
        self.send_group(client, 0)
        time.sleep(0.2)
        client.close()
        self.assertEqual(len(result()), 3 + 20)

    def test_g_a_killed_publisher_takes_its_path_along(self):
        for protocol in ("rtsp", "rtmp"):
            name = f"{self.name}-{protocol}"
            publisher = self.ffmpeg(movie(0), protocol, name, loop=True)
            self.server.await_path(name, 15)
            with tempfile.TemporaryFile() as output:
                reader = subprocess.Popen(["ffprobe", "-v", "error", "-show_packets", f"rtmp://127.0.0.1:{self.server.rtmp}/{name}"],
                                          stdout=output, stderr=output)
                self.addCleanup(reader.kill)
                self.server.await_readers(name)
                publisher.kill()
                self.server.until("the path is gone", lambda: not self.server.path(name), 5)
                reader.wait(10)
