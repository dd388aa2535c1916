"""What this package's worker makes of such publishers, with the speech service's echo engine."""

import array
import itertools
import json
import os
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from . import media, stage
from .server import MediaServer, free_ports

WORKER = os.environ.get("PUBLISHERS_WORKER_IMAGE") or "e2e-worker:local"
SPEECH = os.environ.get("PUBLISHERS_STS_IMAGE") or "e2e-sts:local"
#: Short fragments: what is looked at here does not depend on their length.
SEGMENT_S = 2
CASES = ("camera", "camera-rtmp", "silent-camera", "obs-two-voices", "obs-hevc", "obs-av1")
_number = itertools.count()
_state = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    server = MediaServer()
    unittest.addModuleCleanup(server.close)
    clips = media.Clips(folder.name)
    http, speech = free_ports(2)
    _start(SPEECH, STS_LISTEN_PORT=speech, STS_ENGINE="echo")
    _state.update(clips=clips, server=server, folder=folder.name, http=http)
    _state["worker"] = _start(
        WORKER, HTTP_PORT=http, MEDIA_API_URL=f"http://127.0.0.1:{server.api_port}",
        MEDIA_RTMP_URL=f"rtmp://127.0.0.1:{server.rtmp_port}", STS_SERVICE_URL=f"http://127.0.0.1:{speech}",
        SEGMENT_SECONDS=SEGMENT_S)
    with ThreadPoolExecutor(4 * len(CASES)) as pool:
        clips.make_all(pool)
        server.until("the worker finds the speech service", lambda: _health().get("sts_connected"), media.DEADLINE_S)
        jobs = {name: pool.submit(_run, pool, name) for name in CASES}
        _state["outcomes"] = {name: job.result() for name, job in jobs.items()}


def _start(image, **variables):
    name = f"e2e-publisher-{os.getpid()}-{image.split(':')[0].rpartition('-')[2]}-{next(_number)}"
    options = [f"--env={key}={value}" for key, value in variables.items()]
    media.run("docker", "run", "--detach", "--rm", "--name", name, "--network", "host", *options, image)
    unittest.addModuleCleanup(subprocess.run, ["docker", "rm", "--force", name], capture_output=True)
    return name


def _health():
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{_state['http']}/health", timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)
    except OSError:
        return {}


def _status(stream):
    """The stream's last session, or None."""
    return next((s for s in reversed(_health().get("streams", [])) if s["stream"] == stream), None)


def _run(pool, name):
    """The session's end as the worker's health has it, and the recording of its output, or None."""
    server, case = _state["server"], stage.CASES[name]
    output = f"live/{name}/out"
    clip, url = _state["clips"].path(case.clip), server.url(case.protocol, stage.path_of(name))
    publishing = pool.submit(case.publish, clip, url)

    def has_ended():
        status = _status(name)
        return status if status and status["state"] != "active" else None

    server.until(f"{output} is published, or its session has ended", lambda: server.ready(output) or has_ended(),
                 media.DEADLINE_S)
    recording = None
    if server.ready(output):
        recording = os.path.join(_state["folder"], name + ".flv")
        # Ends with an error where the server closes its readers without a farewell.
        command = ["ffmpeg", "-v", "error", "-i", server.url("rtmp", output), "-map", "0", "-c", "copy", recording]
        subprocess.run(command, capture_output=True, timeout=media.DEADLINE_S)
    publishing.result()
    return server.until(f"the session of {name} has ended", has_ended, media.DEADLINE_S), recording


class WorkerTests(unittest.TestCase):
    def outcome(self, name):
        status, recording = _state["outcomes"][name]
        command = ["docker", "logs", "--tail", "40", _state["worker"]]
        log = subprocess.run(command, capture_output=True, text=True).stdout
        return status, recording, f"{name}: {status}\n{log}"

    def assert_dubbed(self, name, rate):
        status, recording, words = self.outcome(name)
        self.assertEqual(status["state"], "ended", words)
        self.assertGreater(status["processed"], 0, words)
        self.assertEqual((status["processed"], status["fallback"]), (status["fragments_sent"], 0), words)
        self.assertIsNotNone(recording, words)
        video, audio = media.tracks_of(recording, "h264")
        self.assertEqual((video.codec, audio.codec), ("h264", "aac"))
        sent = media.tracks_of(_state["clips"].path(stage.CASES[name].clip), "h264")[0].frames
        self.assertGreaterEqual(len(video.frames), rate, words)
        first = sent.index(video.frames[0])
        wanted = sent[first:first + len(video.frames)]
        self.assertEqual(video.frames, wanted, f"{name}: pictures that are not the input's")
        self.assertAlmostEqual(self.hertz(recording), 440, delta=5)
        return video

    def hertz(self, recording):
        """The frequency of the loudest second of the output, by its zero crossings."""
        form = ["-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]
        pcm = media.run("ffmpeg", "-v", "error", "-i", recording, *form)
        samples = array.array("h", pcm[:len(pcm) // 2 * 2])
        seconds = [samples[at:at + 48_000] for at in range(0, len(samples) - 48_000, 12_000)]
        loudest = max(seconds, key=lambda second: sum(map(abs, second)))
        return sum(1 for a, b in zip(loudest, loudest[1:]) if a < 0 <= b)

    def assert_refused(self, name, *reasons):
        status, recording, words = self.outcome(name)
        self.assertEqual((status["state"], status["fragments_sent"]), ("failed", 0), words)
        self.assertIsNone(recording, f"an output was published; {words}")
        for reason in reasons:
            self.assertIn(reason, status["error"], words)

    def test_a_camera_at_15_fps_with_pcma_is_dubbed(self):
        for name in ("camera", "camera-rtmp"):
            with self.subTest(name):
                times = self.assert_dubbed(name, 15).times
                steps = [b - a for a, b in zip(times, times[1:])]
                worst = max(abs(step - 1 / 15) for step in steps)
                self.assertLess(worst, 0.0021, f"{name}: {min(steps):.4f} … {max(steps):.4f} s")

    def test_a_camera_without_audio_is_refused_with_the_reason(self):
        self.assert_refused("silent-camera", "no audio track")

    def test_the_first_of_two_voices_is_dubbed(self):
        self.assert_dubbed("obs-two-voices", 30)

    def test_pictures_that_the_media_server_keeps_back_are_refused_with_the_codec(self):
        """Dubbed all the same, the output would have no picture."""
        self.assert_refused("obs-hevc", "H265", "publish H.264")
        self.assert_refused("obs-av1", "AV1", "publish H.264")


if __name__ == "__main__":
    unittest.main()
