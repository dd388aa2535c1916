"""The output against an RTMP server that records what it is sent, and a control API that counts."""

import asyncio
import json
import logging
import time
import unittest
from unittest import mock

from aiohttp import web

from worker import flv, output, readers, settings
from worker.metrics import Metrics
from worker.output import Output
from worker.readers import PathReaders
from worker.rtmp import PublishError
from worker.segmenter import Fragment
from worker.source import StreamInfo, VideoPacket

LOG = logging.LoggerAdapter(logging.getLogger("test"), {})
SECOND = 48_000
AVCC = bytes.fromhex("0142c01effe1000467 42c01e01000468ce3c80".replace(" ", ""))


class Server:
    """Takes publishers; `closes_after[k]`: connection k is closed after so many pictures."""

    def __init__(self, *closes_after: int):
        self._closes_after = closes_after
        self.connections: list[list[flv.Message]] = []

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard: list[flv.Message] = []
        number = len(self.connections)
        self.connections.append(heard)
        limit = self._closes_after[number] if number < len(self._closes_after) else None
        hello = await reader.readexactly(1537)
        writer.write(b"\x03" + bytes(1536) + hello[1:])
        await reader.readexactly(1536)
        parser = flv.ChunkParser()
        pictures = 0
        while data := await self._read(reader):
            for message in parser.feed(data):
                if message.kind == flv.COMMAND:
                    self._answer(writer, flv.parse_amf(message.body))
                elif message.kind in (flv.AUDIO, flv.VIDEO):
                    heard.append(message)
                    pictures += message.kind == flv.VIDEO and message.body[1] == 1
            if limit is not None and pictures >= limit:
                break
        writer.close()

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read(65_536)
        except ConnectionError:
            return b""

    @staticmethod
    def _answer(writer: asyncio.StreamWriter, values: list) -> None:
        if values[0] == "publish":
            body = flv.amf("onStatus", 0, None, {"level": "status", "code": "NetStream.Publish.Start"})
        else:
            body = flv.amf("_result", values[1], None, 1)
        writer.write(flv.chunked(flv.Message(flv.COMMAND, 0, body), 0, 128))


class Api:
    """Answers /v3/paths/get/… with the next of `counts`, the last one again and again; None: nobody reads."""

    def __init__(self, *counts: int | None):
        self._counts = counts
        self.asked: list[str] = []

    async def __aenter__(self) -> "Api":
        app = web.Application()
        app.add_routes([web.get("/{path:.*}", self._get)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_) -> None:
        await self._runner.cleanup()

    async def _get(self, request: web.Request) -> web.Response:
        count = self._counts[min(len(self.asked), len(self._counts) - 1)]
        self.asked.append(request.path)
        answer = {"readers": [] if count is None else [{"type": "rtmpConn", "id": "1"}], "bytesSent": count or 0}
        return web.Response(body=json.dumps(answer))


def make(port: int, api: str = "http://127.0.0.1:1", first_s: float = 0.0) -> Output:
    values = settings.load({"MEDIA_API_URL": api, "OUTPUT_MARGIN_MS": "0", "SEGMENT_SECONDS": "1"})
    info = StreamInfo(AVCC, 320, 180, 10.0, first_s, round(first_s * SECOND))
    return Output(f"rtmp://127.0.0.1:{port}/live/x/out", info, values, Metrics(lambda: 0, lambda: 0), LOG)


async def publish(out: Output, seconds: int = 1, first_s: int = 0) -> None:
    """Ten pictures a second, and sound for all of them; what is due lies in the past."""
    for number in range(10 * seconds):
        at = first_s * 1000 + number * 100
        out.add_video(VideoPacket(at, at, number % 10 == 0, number.to_bytes(4, "big")))
    fragment = Fragment(0, first_s * SECOND, bytes(4 * SECOND * seconds), is_last=True)
    await out.add_audio(fragment, fragment.pcm)
    await out.finish()


def pictures(connection: list[flv.Message]) -> list[int]:
    return [int.from_bytes(m.body[5:], "big") for m in connection if m.kind == flv.VIDEO and m.body[1] == 1]


class Publishing(unittest.IsolatedAsyncioTestCase):
    async def test_the_analysis_of_mediamtx_is_ended_at_once(self):
        for first_s in (0, 4):
            async with Server() as server:
                out = make(server.port, first_s=first_s)
                running = asyncio.create_task(out.run())
                while not server.connections or len(server.connections[0]) < 3:
                    await asyncio.sleep(0.01)
                heads = [(m.kind, m.timestamp - first_s * 1000, m.body[1]) for m in server.connections[0]]
                # Both tracks, then the same sound header stamped 2 s later; nothing else before there is a packet.
                self.assertEqual(heads, [(flv.VIDEO, 0, 0), (flv.AUDIO, 0, 0), (flv.AUDIO, 2000, 0)])
                self.assertEqual(server.connections[0][1].body, server.connections[0][2].body)
                await publish(out, first_s=first_s)
                await asyncio.wait_for(running, 10)
                self.assertEqual(pictures(server.connections[0]), list(range(10)))

    async def test_a_lost_output_goes_on_where_it_was(self):
        async with Server(5) as server:
            out = make(server.port)
            running = asyncio.create_task(out.run())
            await publish(out, seconds=3)
            await asyncio.wait_for(running, 20)
        self.assertEqual(len(server.connections), 2)
        first, second = map(pictures, server.connections)
        # What lay in the lost connection is lost; after that everything comes, and nothing twice.
        self.assertEqual(first, list(range(len(first))))
        self.assertEqual(second, list(range(second[0], 30)))
        self.assertGreaterEqual(second[0], len(first))
        heads = [m.body[1] for m in server.connections[1][:3]]
        self.assertEqual(heads, [0, 0, 0])

    async def test_an_output_that_cannot_be_had_again_is_given_up(self):
        async with Server() as server:
            port = server.port
        with mock.patch.object(output, "_PAUSES_S", (0.01, 0.01)):
            with self.assertRaises(PublishError):
                await asyncio.wait_for(make(port).run(), 10)


class Draining(unittest.IsolatedAsyncioTestCase):
    async def test_readers_get_what_waits_for_them(self):
        async with Api(0, 10, 20, 30, 40) as api:
            await PathReaders(api.url, "rtmp://host:1935/live/x/out").drain()
        self.assertGreater(len(api.asked), 5)
        self.assertEqual(set(api.asked), {"/v3/paths/get/live/x/out"})

    async def test_nobody_is_waited_for_who_does_not_read(self):
        async with Api(None) as api:
            await PathReaders(api.url, "rtmp://host/live/x/out").drain()
        self.assertEqual(len(api.asked), 1)

    async def test_a_server_that_cannot_be_asked_holds_nothing_up(self):
        started = time.monotonic()
        await PathReaders("http://127.0.0.1:1", "rtmp://host/live/x/out").drain()
        self.assertLess(time.monotonic() - started, 2)

    async def test_a_reader_that_is_never_done_is_waited_for_until_the_deadline(self):
        with mock.patch.object(readers, "_DEADLINE_S", 0.6):
            async with Api(*range(1000)) as api:
                started = time.monotonic()
                await PathReaders(api.url, "rtmp://host/live/x/out").drain()
                self.assertGreater(time.monotonic() - started, 0.5)
