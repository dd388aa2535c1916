"""The events, with a pool of engines whose pace the test decides, and no socket."""
import asyncio
import base64
import unittest

from sts import settings
from sts.server import Server

ABOUT = {"providers": {}, "source_languages": ("en",), "target_languages": ("es",), "models": ("numbers", "general")}
DEADLINE = 20


class Socket:
    """Stands in for socketio.AsyncServer: keeps the handlers, records what is sent."""

    def __init__(self):
        self.handlers, self.sent, self.changed = {}, [], asyncio.Condition()

    def on(self, event, handler, namespace):
        self.handlers[event] = handler

    async def emit(self, event, payload, to=None, namespace=None):
        async with self.changed:
            self.sent.append((event, payload, to))
            self.changed.notify_all()

    def named(self, event):
        return [payload for name, payload, _ in self.sent if name == event]

    async def until(self, event, count=1):
        async def arrive():
            async with self.changed:
                await self.changed.wait_for(lambda: len(self.named(event)) >= count)
        await asyncio.wait_for(arrive(), DEADLINE)
        return self.named(event)


class Pool:
    about = ABOUT

    def __init__(self):
        self.jobs, self.results, self.incident = [], {}, None

    async def process(self, job, report):
        self.jobs.append(job["pcm"])
        gate = self.results.get(job["pcm"][0])
        if gate:
            await gate.wait()
        if self.incident:
            report(self.incident)
        return {"status": "success", "processing_ms": 1.0, "transcript": "", "translated_text": "",
                "audio": (job["pcm"], job["rate"], 1)}


class ServerTests(unittest.IsolatedAsyncioTestCase):
    async def start(self, **environment):
        self.socket, self.pool = Socket(), Pool()
        self.server = Server(self.socket, settings.load({"STS_WORKERS": "4", **environment}), self.pool)
        workers = [asyncio.ensure_future(self.server.run_worker()) for _ in range(4)]
        for worker in workers:
            self.addCleanup(worker.cancel)

    async def call(self, event, payload, session="one"):
        await self.socket.handlers[event](session, payload)

    async def open(self, stream="s", session="one"):
        await self.call("stream:init", {"stream_id": stream, "worker_id": "w", "config": {
            "source_language": "en", "target_language": "es", "chunk_duration_ms": 6000, "sample_rate_hz": 16000,
            "channels": 1, "format": "pcm_s16le"}}, session)

    async def send(self, sequence, stream="s", session="one"):
        pcm = bytes([sequence, 0]) * 16
        await self.call("fragment:data", {"fragment_id": f"{stream}-{sequence}", "stream_id": stream,
                                          "sequence_number": sequence, "timestamp": 0, "audio": {
                                              "format": "pcm_s16le", "sample_rate_hz": 16000, "channels": 1, "duration_ms": 1,
                                              "data_base64": base64.b64encode(pcm).decode()}}, session)

    def sequences(self):
        return [a["sequence_number"] for a in self.socket.named("fragment:processed")]

    async def test_side_by_side_work_is_answered_in_order(self):
        await self.start()
        await self.open()
        self.pool.results = {0: asyncio.Event(), 1: asyncio.Event()}
        for sequence in range(4):
            await self.send(sequence)
        async with asyncio.timeout(DEADLINE):
            while len(self.pool.jobs) < 4:
                await asyncio.sleep(0)
        self.pool.results[1].set()
        await asyncio.sleep(0)
        self.assertEqual(self.sequences(), [])
        self.pool.results[0].set()
        await self.socket.until("fragment:processed", 4)
        self.assertEqual(self.sequences(), [0, 1, 2, 3])
        self.assertEqual(len([a for a in self.socket.named("fragment:ack") if a["status"] == "queued"]), 4)
        await self.call("stream:end", {"stream_id": "s"})
        complete = await self.socket.until("stream:complete")
        self.assertEqual(complete[0]["total_fragments"], 4)

    async def test_end_waits_for_what_is_open(self):
        await self.start()
        await self.open()
        self.pool.results = {0: asyncio.Event()}
        await self.send(0)
        await self.call("stream:end", {"stream_id": "s"})
        self.assertEqual(self.socket.named("stream:complete"), [])
        self.pool.results[0].set()
        await self.socket.until("stream:complete")
        self.assertEqual(self.socket.sent[-2][0], "fragment:processed")

    async def test_a_missing_fragment_does_not_hold_up_the_rest_for_ever(self):
        await self.start(STS_GAP_TIMEOUT_S="0.05")
        await self.open()
        await self.send(0)
        await self.send(2)
        await self.socket.until("fragment:processed", 2)
        self.assertEqual(self.sequences(), [0, 2])
        self.assertEqual([e["code"] for e in self.socket.named("error")], ["INVALID_SEQUENCE"])

    async def test_a_stream_that_goes_on_with_a_restarted_service_is_no_error(self):
        await self.start(STS_GAP_TIMEOUT_S="0.05")
        await self.open()
        await self.send(3)
        processed = await self.socket.until("fragment:processed")
        self.assertEqual([a["sequence_number"] for a in processed], [3])
        self.assertEqual(self.socket.named("error"), [])

    async def test_a_fragment_sent_again_after_a_reconnect_is_answered_to_the_new_session(self):
        await self.start()
        await self.open()
        await self.send(0)
        await self.socket.until("fragment:processed")
        await self.socket.handlers["disconnect"]("one")
        await self.open(session="two")
        await self.send(0, session="two")
        await self.socket.until("fragment:processed", 2)
        self.assertEqual([to for event, _, to in self.socket.sent if event == "fragment:processed"], ["one", "two"])
        self.assertEqual(len(self.pool.jobs), 1)

    async def test_answers_go_to_the_session_or_to_all(self):
        for emit, wanted in (("session", "one"), ("broadcast", None)):
            await self.start(STS_EMIT=emit)
            await self.open()
            await self.send(0)
            await self.socket.until("fragment:processed")
            self.assertEqual([to for event, _, to in self.socket.sent if event == "fragment:processed"], [wanted])

    async def test_a_paused_stream_waits_and_others_go_on(self):
        await self.start()
        await self.open()
        await self.open("other")
        await self.call("stream:pause", {"stream_id": "s"})
        await self.send(0)
        await self.send(0, "other")
        await self.socket.until("fragment:processed")
        self.assertEqual([a["stream_id"] for a in self.socket.named("fragment:processed")], ["other"])
        await self.call("stream:resume", {"stream_id": "s"})
        await self.socket.until("fragment:processed", 2)

    async def test_pressure_is_told_when_its_level_changes(self):
        await self.start(STS_BACKPRESSURE_MEDIUM="2", STS_BACKPRESSURE_HIGH="3", STS_MAX_QUEUE="4")
        await self.open()
        await self.call("stream:pause", {"stream_id": "s"})
        for sequence in range(5):
            await self.send(sequence)
        self.assertEqual([e["code"] for e in self.socket.named("error")], ["QUEUE_FULL"])
        await self.call("stream:resume", {"stream_id": "s"})
        await self.socket.until("fragment:processed", 4)
        # On the way down `medium` is passed or not, as the engines happen to take the fragments.
        while (told := [(t["severity"], t["action"]) for t in self.socket.named("backpressure")])[-1][0] != "low":
            await self.socket.until("backpressure", len(told) + 1)
        self.assertEqual(told[:2] + told[-1:], [("medium", "slow_down"), ("high", "pause"), ("low", "none")])
        self.assertTrue(all(a != b for a, b in zip(told, told[1:])), "told although nothing changed")

    async def test_pressure_by_one_stream_is_told_to_all_and_taken_back(self):
        await self.start(STS_BACKPRESSURE_MEDIUM="1", STS_BACKPRESSURE_HIGH="2")
        await self.open()
        await self.open("other")
        await self.call("stream:pause", {"stream_id": "s"})
        await self.send(0)
        await self.send(1)
        self.assertEqual([t["action"] for t in self.socket.named("backpressure") if t["stream_id"] == "other"],
                         ["slow_down", "pause"])
        await self.call("stream:resume", {"stream_id": "s"})
        while self.socket.named("backpressure")[-1]["action"] != "none" or \
                {t["stream_id"] for t in self.socket.named("backpressure") if t["action"] == "none"} != {"s", "other"}:
            await self.socket.until("backpressure", len(self.socket.named("backpressure")) + 1)

    async def test_what_cannot_be_done_is_an_error_event(self):
        await self.start()
        await self.send(0, "nowhere")
        await self.call("stream:end", {"stream_id": "nowhere"})
        await self.call("stream:init", {"stream_id": "s"})
        await self.call("fragment:data", "nonsense")
        await self.call("fragment:ack", None)
        self.assertEqual([e["code"] for e in self.socket.named("error")],
                         ["STREAM_NOT_FOUND", "STREAM_NOT_FOUND", "INVALID_CONFIG", "INVALID_CONFIG", "INVALID_CONFIG"])
        await self.call("stream:init", {"stream_id": "s", "config": {
            "source_language": "fr", "target_language": "es", "sample_rate_hz": 16000, "channels": 1}})
        self.assertIn("source_language 'fr' is not offered, only en", self.socket.named("error")[-1]["message"])

    async def test_a_survived_engine_failure_is_reported(self):
        await self.start()
        await self.open()
        self.pool.incident = "apertium is gone; started again"
        await self.send(0)
        errors = await self.socket.until("error")
        self.assertEqual((errors[0]["code"], errors[0]["retryable"], errors[0]["fragment_id"]), ("MODEL_ERROR", True, "s-0"))
        await self.socket.until("fragment:processed")

    async def test_acknowledgements_of_the_worker_are_counted(self):
        await self.start()
        await self.open()
        await self.send(0)
        await self.socket.until("fragment:processed")
        await self.call("fragment:ack", {"fragment_id": "s-0", "status": "received", "timestamp": 0})
        await self.call("fragment:ack", {"fragment_id": "s-0", "status": "applied", "timestamp": 0})
        await self.call("stream:end", {"stream_id": "s"})
        self.assertEqual((await self.socket.until("stream:complete"))[0]["statistics"]["applied_count"], 1)


if __name__ == "__main__":
    unittest.main()
