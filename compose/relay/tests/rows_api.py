"""Rows H and J: the control API, in both generations."""
import json

from .cases import Case
from .rtspclient import RtspPublisher, aac_track, video_track
from .samples import AUDIO_CONFIG, PPS, SPS

TRACKS = [video_track(SPS, PPS), aac_track(AUDIO_CONFIG)]


class ApiRows(Case):
    generations = True

    def refused(self, route, code):
        status, body = self.server.request(route)
        self.assertEqual(status, code, body)
        return json.loads(body)

    def test_h_readiness_is_asked_from_outside(self):
        status, body = self.server.request("/v3/paths/list")
        self.assertEqual((status, set(json.loads(body))), (200, {"itemCount", "pageCount", "items"}))

    def test_j_a_path_has_the_members_of_its_generation(self):
        with RtspPublisher(self.server, self.name, TRACKS):
            path = self.server.until("the path is listed", lambda: self.server.path(self.name))
        expected = {"name", "confName", "source", "ready", "readyTime", "tracks", "bytesReceived", "bytesSent", "readers"}
        if self.server.version >= (1, 16):
            expected |= {"available", "availableTime", "online", "onlineTime"}
        if self.server.version >= (1, 17):
            expected |= {"tracks2", "inboundBytes", "outboundBytes", "inboundFramesInError"}
        self.assertEqual(set(path), expected)
        self.assertEqual((path["confName"], path["ready"], path["source"]["type"], path["tracks"]),
                         ("all_others", True, "rtspSession", ["H264", "MPEG-4 Audio"]))
        self.assertEqual({path.get("available", True), path.get("online", True)}, {True})

    def test_j_readers_are_listed_by_their_kind(self):
        with RtspPublisher(self.server, self.name, TRACKS):
            self.server.await_path(self.name)
            client = self.client()
            client.play()
            reader = self.server.until("the reader is listed", lambda: self.server.path(self.name)["readers"])[0]
            self.assertEqual((reader["type"], set(reader)), ("rtmpConn", {"type", "id"}))

    def test_j_an_unknown_path_is_404_with_a_reason(self):
        self.assertEqual(self.refused(f"/v3/paths/get/{self.name}", 404), {"status": "error", "error": "path not found"})

    def test_j_a_page_too_far_is_empty(self):
        with RtspPublisher(self.server, self.name, TRACKS):
            self.server.await_path(self.name)
            page = self.server.get("/v3/paths/list?page=999&itemsPerPage=1")
        self.assertEqual(page["items"], [])
        self.assertGreaterEqual(page["itemCount"], 1)
        self.assertEqual(page["pageCount"], page["itemCount"])

    def test_j_pages_that_cannot_be_are_400(self):
        for query in ("itemsPerPage=0", "itemsPerPage=x", "page=-1", "page=x", "itemsPerPage=9999999999"):
            with self.subTest(query):
                self.assertEqual(self.refused(f"/v3/paths/list?{query}", 400)["status"], "error")

    def test_j_other_routes_and_methods_are_404(self):
        for method, route in (("GET", "/v3/none"), ("POST", "/v3/paths/list"), ("GET", "/")):
            with self.subTest(route):
                self.assertEqual(self.server.request(route, method)[0], 404)
