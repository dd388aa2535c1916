#!/usr/bin/env python3
"""Publishes to the relay with ffmpeg, reads it back, and compares every packet. Needs ffmpeg and ffprobe on the host.

    python3 tests/integration.py            from compose/relay
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 5
DEADLINE = 60
# ffmpeg's RTP packer collects AAC frames into packets and forgets the last, unfinished packet when it closes.
UNFLUSHED_AAC_FRAMES = 4


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [s.getsockname()[1] for s in sockets]
    for each in sockets:
        each.close()
    return numbers


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, timeout=DEADLINE).stdout


def packets(source):
    entries = "packet=codec_type,pts_time,dts_time,data_hash,flags"
    text = run("ffprobe", "-v", "error", "-show_packets", "-show_entries", entries, "-show_data_hash", "md5",
               "-of", "json", source)
    return json.loads(text)["packets"]


def of_kind(kind, every):
    return [p for p in every if p["codec_type"] == kind]


class RelayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.rtsp, cls.rtmp, cls.api = free_ports(3)
        cls.log = open(os.path.join(cls.folder.name, "relay.log"), "w+")
        environment = dict(os.environ, RTSP_PORT=str(cls.rtsp), RTMP_PORT=str(cls.rtmp), API_PORT=str(cls.api))
        cls.relay = subprocess.Popen([sys.executable, "-m", "relay"], cwd=os.path.dirname(HERE), env=environment,
                                     stdout=cls.log, stderr=cls.log)
        cls.plain, cls.reordered = cls.make("plain", "0"), cls.make("reordered", "2")
        cls.until("the API answers", lambda: cls.get("/healthz")["status"] == "ok")

    @classmethod
    def tearDownClass(cls):
        cls.relay.terminate()
        code = cls.relay.wait(10)
        cls.log.seek(0)
        text = cls.log.read()
        cls.folder.cleanup()
        cls.log.close()
        assert code == 0, f"the relay ended with {code}\n{text}"
        assert "internal error" not in text and "Traceback" not in text, text

    @classmethod
    def make(cls, name, b_frames):
        path = os.path.join(cls.folder.name, name + ".mp4")
        run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=640x360:rate=30", "-f", "lavfi", "-i",
            "sine=frequency=440:sample_rate=48000", "-t", str(SECONDS), "-c:v", "libx264", "-preset", "veryfast",
            "-pix_fmt", "yuv420p", "-bf", b_frames, "-g", "60", "-c:a", "aac", "-ac", "2", path)
        return path

    @classmethod
    def log_text(cls):
        with open(cls.log.name) as file:
            return file.read()

    @classmethod
    def until(cls, what, condition, timeout=15):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.02)
        raise AssertionError(f"after {timeout} s still not so: {what}\n{cls.log_text()}")

    @classmethod
    def get(cls, route):
        with urllib.request.urlopen(f"http://127.0.0.1:{cls.api}{route}", timeout=5) as answer:
            return json.load(answer)

    def ready(self, path):
        return any(p["name"] == path and p["ready"] for p in self.get("/v3/paths/list")["items"])

    def publish(self, protocol, media, path):
        output = {"rtsp": ["-f", "rtsp", "-rtsp_transport", "tcp", f"rtsp://127.0.0.1:{self.rtsp}/{path}"],
                  "rtmp": ["-f", "flv", f"rtmp://127.0.0.1:{self.rtmp}/{path}"]}[protocol]
        process = subprocess.Popen(["ffmpeg", "-v", "error", "-re", "-i", media, "-c", "copy", *output])
        self.addCleanup(process.wait, DEADLINE)
        self.addCleanup(process.kill)
        self.until(f"{path} is ready", lambda: self.ready(path.split("?")[0]))
        return process

    def reference(self, media):
        """Packets as ffmpeg gives them to a live muxer: shifted together, so that the first decoding time is 0."""
        path = os.path.join(self.folder.name, "reference.nut")
        run("ffmpeg", "-v", "error", "-y", "-i", media, "-c", "copy", "-avoid_negative_ts", "make_non_negative", path)
        return packets(path)

    def check(self, media, received, publisher="rtsp"):
        expected = self.reference(media)
        for kind in ("video", "audio"):
            sent, got = of_kind(kind, expected), of_kind(kind, received)
            if (kind, publisher) == ("audio", "rtsp") and 0 < len(sent) - len(got) <= UNFLUSHED_AAC_FRAMES:
                sent = sent[:len(got)]
            self.assertEqual([p["data_hash"] for p in got], [p["data_hash"] for p in sent], f"{kind} packets differ")
            deltas = [float(g["pts_time"]) - float(s["pts_time"]) for g, s in zip(got, sent)]
            print(f"  {kind}: {len(got)} packets, first pts {got[0]['pts_time']} (sent {sent[0]['pts_time']}), "
                  f"pts differences {min(deltas) * 1000:.2f} … {max(deltas) * 1000:.2f} ms")
            self.assertLess(max(map(abs, deltas)), 0.0016, f"{kind} times differ")
            times = [float(p["dts_time"]) for p in got]
            self.assertTrue(all(a < b for a, b in zip(times, times[1:])), f"{kind} decoding times do not rise")
            self.assertTrue(all(float(p["dts_time"]) <= float(p["pts_time"]) + 1e-6 for p in got))

    def test_rtsp_to_rtmp_keeps_packets_and_times(self):
        self.publish("rtsp", self.plain, "live/plain/in")
        self.check(self.plain, packets(f"rtmp://127.0.0.1:{self.rtmp}/live/plain/in"))

    def test_rtsp_to_rtmp_rebuilds_decoding_times(self):
        self.publish("rtsp", self.reordered, "live/reordered/in")
        self.check(self.reordered, packets(f"rtmp://127.0.0.1:{self.rtmp}/live/reordered/in"))

    def test_rtmp_to_rtmp_keeps_packets_and_times(self):
        self.publish("rtmp", self.reordered, "live/rtmp/in")
        self.check(self.reordered, packets(f"rtmp://127.0.0.1:{self.rtmp}/live/rtmp/in"), publisher="rtmp")

    def test_rtmp_to_rtsp_keeps_packets(self):
        self.publish("rtmp", self.plain, "live/to-rtsp/in")
        expected = self.reference(self.plain)
        output = os.path.join(self.folder.name, "rtsp.nut")
        run("ffmpeg", "-v", "error", "-y", "-rtsp_transport", "tcp", "-i", f"rtsp://127.0.0.1:{self.rtsp}/live/to-rtsp/in",
            "-c", "copy", output)
        received = packets(output)
        # RTP reaches a reader from now on, not from the last key frame: only the packets inside the span are due.
        sent, got = ([p["data_hash"] for p in of_kind("audio", e)] for e in (expected, received))
        self.assertGreater(len(got), len(sent) // 2)
        self.assertEqual(got, sent[sent.index(got[0]):][:len(got)], "audio packets differ")
        self.assertGreater(len(of_kind("video", received)), 60)

    def test_late_reader_gets_the_whole_group(self):
        self.publish("rtsp", self.plain, "live/late/in")
        self.until("half a second was received", lambda: self.get("/v3/paths/get/live/late/in")["bytesReceived"] > 20000)
        received = packets(f"rtmp://127.0.0.1:{self.rtmp}/live/late/in")
        self.check(self.plain, received)

    def test_path_goes_with_its_publisher(self):
        for protocol in ("rtsp", "rtmp"):
            process = self.publish(protocol, self.plain, f"live/gone-{protocol}/in")
            reader = subprocess.Popen(["ffprobe", "-v", "error", "-show_packets", "-of", "json",
                                       f"rtmp://127.0.0.1:{self.rtmp}/live/gone-{protocol}/in"], stdout=subprocess.DEVNULL)
            self.until("the reader is listed", lambda: self.get(f"/v3/paths/get/live/gone-{protocol}/in")["readers"])
            process.kill()
            killed = time.monotonic()
            self.until("the path is gone", lambda: not self.ready(f"live/gone-{protocol}/in"), 5)
            self.assertEqual(reader.wait(10), 0, "the reader ended with an error")
            print(f"  {protocol}: path and reader gone {time.monotonic() - killed:.2f} s after the kill")

    def test_credentials_and_queries_are_tolerated(self):
        for number, url in enumerate((f"rtsp://user:pass@127.0.0.1:{self.rtsp}/live/q0/in?token=a/b",
                                      f"rtmp://user:pass@127.0.0.1:{self.rtmp}/live/q1/in?token=a")):
            form = ["-f", "rtsp", "-rtsp_transport", "tcp"] if url.startswith("rtsp") else ["-f", "flv"]
            process = subprocess.Popen(["ffmpeg", "-v", "error", "-re", "-i", self.plain, "-c", "copy", *form, url])
            self.addCleanup(process.wait, DEADLINE)
            self.addCleanup(process.kill)
            self.until("the path is ready", lambda: self.ready(f"live/q{number}/in"))
            read = ["-rtsp_transport", "tcp"] if number == 0 else []
            run("ffprobe", "-v", "error", *read, "-show_streams", url)

    def test_malformed_input_ends_that_connection_only(self):
        self.publish("rtsp", self.plain, "live/healthy/in")
        reader = subprocess.Popen(["ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json",
                                   f"rtmp://127.0.0.1:{self.rtmp}/live/healthy/in"], stdout=subprocess.PIPE)
        handshake = b"\3" + bytes(1536) + bytes(1536)
        attacks = {self.rtsp: [b"GARBAGE\r\n\r\n", b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nContent-Length: 999999999\r\n\r\n",
                               b"A" * 200000, b"OPTIONS * RTSP/1.0\r\nContent-Length: -4\r\n\r\n",
                               b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nContent-Length: 4\r\n\r\nnope"],
                   self.rtmp: [b"GET / HTTP/1.1\r\n\r\n" + bytes(1600), handshake + b"\xc3rest",
                               handshake + b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0" + bytes(100),
                               handshake + b"\x03\0\0\0\0\0\x04\x14\0\0\0\0\x02\xff\xffx",
                               handshake + b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\0"],
                   self.api: [b"\x16\x03\x01garbage\r\n\r\n", b"A" * 100000]}
        for port, inputs in attacks.items():
            for data in inputs:
                with self.subTest(port=port, data=data[-20:]), socket.create_connection(("127.0.0.1", port), 5) as peer:
                    peer.settimeout(10)
                    try:
                        peer.sendall(data)
                        while peer.recv(65536):
                            pass
                    except ConnectionError:
                        pass
        self.assertEqual(self.get("/healthz")["status"], "ok")
        output, _ = reader.communicate(timeout=DEADLINE)
        self.check(self.plain, json.loads(output)["packets"])
        self.assertGreaterEqual(self.log_text().count("malformed input"), 10)

    def test_slow_reader_is_dropped(self):
        media = os.path.join(self.folder.name, "wide.mp4")
        if not os.path.exists(media):
            run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "nullsrc=size=1280x720:rate=30,geq=random(1)*255:128:128",
                "-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-b:v", "80M", "-pix_fmt", "yuv420p", media)
        publisher = subprocess.Popen(["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", media, "-c", "copy",
                                      "-f", "flv", f"rtmp://127.0.0.1:{self.rtmp}/live/slow/in"])
        self.addCleanup(publisher.wait, DEADLINE)
        self.addCleanup(publisher.kill)
        self.until("the path is ready", lambda: self.ready("live/slow/in"))
        reader = subprocess.Popen(["ffprobe", "-v", "error", "-show_packets", f"rtmp://127.0.0.1:{self.rtmp}/live/slow/in"],
                                  stdout=subprocess.PIPE)           # nobody empties the pipe, so it stalls
        self.addCleanup(reader.wait, DEADLINE)
        self.addCleanup(reader.stdout.close)
        self.addCleanup(reader.kill)
        self.until("the reader is listed", lambda: self.get("/v3/paths/get/live/slow/in")["readers"])
        self.until("the slow reader was dropped", lambda: "slow reader" in self.log_text(), 40)
        self.assertTrue(self.ready("live/slow/in"), "the publisher must not suffer")


if __name__ == "__main__":
    unittest.main(verbosity=2)
