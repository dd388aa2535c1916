"""What every row's tests share: a server, a path of their own, and publishers."""
import os
import subprocess
import tempfile
import threading
import unittest

from relay import flv

from .rtmpclient import RtmpClient
from .samples import AUDIO_HEADER, KEY, VIDEO_HEADER, audio, video

DEADLINE = 60                           # s, for any process


def run(*arguments):
    done = subprocess.run(arguments, capture_output=True, timeout=DEADLINE)
    if done.returncode:
        raise AssertionError(f"{' '.join(arguments)[:300]} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    return done.stdout


class Case(unittest.TestCase):
    generations = False                 # whether the relay's second generation answers differently

    def __init__(self, method, server):
        super().__init__(method)
        self.server = server
        self.name = f"live/{method.removeprefix('test_')}/in"

    # RTMP

    def client(self, name=None, **options):
        client = RtmpClient(self.server, name or self.name, **options)
        self.addCleanup(client.close)
        return client

    def publisher(self, name=None, headers=(VIDEO_HEADER, AUDIO_HEADER)):
        """A publisher whose analysis is over, on a path that is ready: a second AAC header ends it, and nothing was lost."""
        client = self.client(name)
        self.assertEqual(client.publish(), "NetStream.Publish.Start")
        for body in headers:
            client.send(flv.VIDEO if body[0] & 15 == flv.AVC else flv.AUDIO, 0, body)
        client.send(flv.AUDIO, 2000, AUDIO_HEADER)
        self.server.await_path(name or self.name)
        return client

    def reader(self, name=None, **options):
        """A reader that is listed, and a function that gives all that it got by the end."""
        name = name or self.name
        before = len((self.server.path(name) or {}).get("readers", []))
        client = self.client(name, **options)
        client.play()
        got = []
        thread = threading.Thread(target=lambda: got.extend(client.media()), daemon=True)
        thread.start()
        self.server.await_readers(name, before + 1)

        def result():
            thread.join(DEADLINE)
            self.assertFalse(thread.is_alive(), "the reader's connection does not end")
            return got
        return result

    def send_group(self, client, begin, pictures=10):
        """A key picture and others, 40 ms each, with sound beside them."""
        for number in range(pictures):
            client.send(flv.VIDEO, begin + 40 * number, video(KEY if number == 0 else b"\x41\x9a" + bytes([number + 1])))
            client.send(flv.AUDIO, begin + 40 * number, audio(b"sound" + bytes([number])))

    # ffmpeg

    def ffmpeg(self, media, protocol, name=None, query="", options=(), loop=False):
        name = name or self.name
        output = {"rtsp": ["-f", "rtsp", "-rtsp_transport", "tcp", f"rtsp://user:pass@127.0.0.1:{self.server.rtsp}/{name}"],
                  "rtmp": ["-f", "flv", f"rtmp://127.0.0.1:{self.server.rtmp}/{name}"]}[protocol]
        process = subprocess.Popen(["ffmpeg", "-v", "error", "-re", *(["-stream_loop", "-1"] if loop else []), "-i", media, "-c", "copy", *options, *output[:-1],
                                    output[-1] + query], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, DEADLINE)
        self.addCleanup(process.kill)
        return process


def of_kind(kind, messages, headers=False):
    """(time, body) of one kind; sequence headers only if asked for."""
    return [(time, body) for k, time, body in messages
            if k == kind and (headers or not (kind != flv.DATA and body[1] == 0))]


_media, _lock = {}, threading.Lock()
_folder = tempfile.TemporaryDirectory()


def movie(b_frames):
    """Twenty seconds of picture and sound; key pictures every second, delimiters and an SEI as encoders send them."""
    with _lock:
        if b_frames not in _media:
            path = os.path.join(_folder.name, f"movie-{b_frames}.mp4")
            run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=30", "-f", "lavfi", "-i",
                "sine=frequency=440:sample_rate=48000", "-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-threads", "1",
                "-pix_fmt", "yuv420p", "-bf", str(b_frames), "-g", "30", "-bsf:v", "h264_metadata=aud=insert",
                "-c:a", "aac", "-ac", "2", path)
            _media[b_frames] = path
    return _media[b_frames]
