"""With a real client over loopback: what a worker, and anybody who listens, hears."""

import asyncio
import base64
import subprocess
import unittest

import socketio
from aiohttp import ClientSession, web

from speaker.faults import Faults
from speaker.server import NAMESPACE, application


def adts(seconds: float = 2.0) -> bytes:
    tone = f"sine=frequency=440:sample_rate=48000:duration={seconds}"
    return subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", tone, "-c:a", "aac", "-f", "adts", "pipe:1"],
                          check=True, capture_output=True).stdout


def seconds_of(mp4: bytes) -> float:
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", "pipe:0", "-ac", "1", "-ar", "8000", "-f", "s16le", "pipe:1"],
                         input=mp4, check=True, capture_output=True).stdout
    return len(raw) / 16_000


class Client:
    def __init__(self):
        self.client = socketio.AsyncClient()
        self.heard: asyncio.Queue = asyncio.Queue()
        self.client.on("*", self._hear, namespace=NAMESPACE)

    async def _hear(self, event, payload=None):
        self.heard.put_nowait((event, payload))

    async def next(self, wanted):
        """The payload of the next event of this name; what comes before it is passed over."""
        async def look():
            while True:
                event, payload = await self.heard.get()
                if event == wanted:
                    return payload
        return await asyncio.wait_for(look(), 20)

    async def emit(self, event, payload):
        await self.client.emit(event, payload, namespace=NAMESPACE)


class ServerTests(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        app, self.speaker = application("key", Faults())
        runner = web.AppRunner(app)
        await runner.setup()
        self.addAsyncCleanup(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    async def join(self, key="key"):
        client = Client()
        await client.client.connect(self.url, auth={"key": key}, transports=["websocket"], namespaces=[NAMESPACE])
        self.addAsyncCleanup(client.client.disconnect)
        return client

    async def open(self, client):
        await client.emit("session.open", {"session": "live/a", "to": "es"})
        await client.next("session.opened")

    @staticmethod
    async def segment(client, index, data, **changes):
        media = {"container": "m4a", "rate": 48_000, "channels": 1, "length_ms": 2000, "bytes": data}
        await client.emit("segment", {"id": f"a.{index}", "session": "live/a", "index": index, "at": 1, "media": media, **changes})

    async def test_everybody_hears_the_answer_and_it_is_mp4(self):
        worker, listener = await self.join(), await self.join()
        await self.open(worker)
        await self.segment(worker, 0, adts())
        for client in (worker, listener):
            answer = await client.next("segment.dubbed")
            self.assertEqual((answer["id"], answer["index"], answer["state"]), ("a.0", 0, "done"))
            sound = base64.b64decode(answer["media"]["bytes"])
            self.assertEqual(sound[4:8], b"ftyp")
            self.assertAlmostEqual(seconds_of(sound), answer["media"]["length_ms"] / 1000, delta=0.06)
            self.assertLessEqual(answer["media"]["length_ms"], 2000)
        await worker.emit("session.close", {"session": "live/a", "why": "ended"})
        self.assertEqual((await listener.next("session.closed"))["count"], 1)

    async def test_a_wrong_key_is_refused(self):
        with self.assertRaises(socketio.exceptions.ConnectionError):
            await self.join("other")

    async def test_numbers_with_a_fraction_are_refused(self):
        client = await self.join()
        await self.open(client)
        await self.segment(client, 0, adts(), at=1.5)
        fault = await client.next("fault")
        self.assertEqual((fault["code"], fault["id"]), ("BAD_AUDIO", "a.0"))

    async def test_a_segment_of_no_session_is_refused(self):
        client = await self.join()
        await self.segment(client, 0, adts())
        self.assertEqual((await client.next("fault"))["code"], "NO_SESSION")

    async def test_faults_are_set_while_it_runs(self):
        client = await self.join()
        await self.open(client)
        async with ClientSession() as http:
            async with http.post(self.url + "/faults", json={"fault": "fail:1@1+drop:2+partial:3"}) as answer:
                self.assertEqual(answer.status, 200)
            async with http.post(self.url + "/faults", json={"fault": "loud"}) as answer:
                self.assertEqual(answer.status, 400)
        for index in range(4):
            await self.segment(client, index, adts())
        answers = [await client.next("segment.dubbed") for _ in range(3)]
        self.assertEqual([(a["index"], a["state"]) for a in answers], [(0, "done"), (1, "failed"), (3, "partial")])
        self.assertEqual(answers[1]["fault"]["code"], "ENGINE_BUSY")

    async def test_swapped_answers_and_a_recommended_delay(self):
        self.speaker.faults = Faults.parse("swap:0,1+slow:300+silent")
        client = await self.join()
        await self.open(client)
        data = adts()
        for index in range(3):
            await self.segment(client, index, data)
        self.assertEqual((await client.next("slow.down"))["recommended_delay_ms"], 300)
        self.assertEqual([(await client.next("segment.dubbed"))["index"] for _ in range(3)], [1, 0, 2])

    async def test_a_passthrough_has_the_segment_s_own_frames(self):
        self.speaker.faults = Faults.parse("passthrough")
        client = await self.join()
        await self.open(client)
        await self.segment(client, 0, adts())
        self.assertAlmostEqual(seconds_of(base64.b64decode((await client.next("segment.dubbed"))["media"]["bytes"])), 2, delta=0.06)

    async def test_a_session_that_is_opened_again_counts_from_0(self):
        client = await self.join()
        await self.open(client)
        await self.segment(client, 0, adts())
        await client.next("segment.dubbed")
        await self.open(client)
        await self.segment(client, 0, adts())
        self.assertEqual((await client.next("segment.dubbed"))["index"], 0)
