"""Google Translate's provider against a server in this process that answers as the API's reference says."""
import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
import unittest

from sts import log, providers, settings
from sts.providers import ProviderError, google

KEY = "AIza-a-key-for-tests"


def translation(text):
    return 200, {"data": {"translations": [{"translatedText": text}]}}


def refusal(code, message):
    return code, {"error": {"code": code, "message": message, "status": "X"}}


@contextlib.contextmanager
def server(*answers):
    """Gives (status, document or bytes) in turn, the last again and again; yields its URL and the requests that came."""
    requests, left = [], list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((self.path, dict(self.headers), json.loads(body)))
            status, document = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(document if isinstance(document, bytes) else json.dumps(document).encode())

        def log_message(self, *arguments):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}/language/translate/v2", requests
    finally:
        listener.shutdown()
        listener.server_close()


def provider(url, **environment):
    return providers.create("mt", "google", settings.load(
        {"STS_GOOGLE_URL": url, "GOOGLE_TRANSLATE_API_KEY": KEY, **environment}))


class GoogleTests(unittest.TestCase):
    def setUp(self):
        self.pause, google.PAUSE = google.PAUSE, 0.01

    def tearDown(self):
        google.PAUSE = self.pause

    def test_the_question_is_the_apis(self):
        with server(translation("uno, dos")) as (url, requests):
            engine = provider(url, TARGET_LANGUAGE="es-ES")
            self.assertEqual(engine.translate("one, two", 5), "uno, dos")
        path, headers, question = requests[0]
        self.assertEqual(question, {"q": "one, two", "source": "en", "target": "es", "format": "text"})
        self.assertEqual({k.lower(): v for k, v in headers.items()}["x-goog-api-key"], KEY)
        self.assertNotIn(KEY, path)
        self.assertEqual((engine.languages, engine.target_languages), (("en",), ("es",)))

    def test_escapes_in_an_answer_are_undone(self):
        with server(translation("el ni&#241;o &quot;ve&quot; ")) as (url, _):
            self.assertEqual(provider(url).translate("the child", 5), 'el niño "ve"')

    def test_a_busy_service_is_asked_again(self):
        with server(refusal(503, "busy"), refusal(429, "slow down"), translation("uno")) as (url, requests):
            self.assertEqual(provider(url).translate("one", 5), "uno")
        self.assertEqual(len(requests), 3)

    def test_a_service_that_stays_busy_is_given_up(self):
        with server(refusal(503, "busy")) as (url, requests):
            with self.assertRaisesRegex(ProviderError, "status 503: busy"):
                provider(url).translate("one", 5)
        self.assertEqual(len(requests), google.TRIES)

    def test_a_wrong_key_fails_the_start_at_once(self):
        with server(refusal(400, "API key not valid.")) as (url, requests):
            with self.assertRaisesRegex(ProviderError, "API key not valid"):
                provider(url).start()
        self.assertEqual(len(requests), 1)

    def test_no_key_is_said_before_anything_is_sent(self):
        with server(translation("uno")) as (url, requests):
            with self.assertRaisesRegex(ProviderError, "GOOGLE_TRANSLATE_API_KEY"):
                provider(url, GOOGLE_TRANSLATE_API_KEY="").start()
        self.assertEqual(requests, [])

    def test_an_answer_that_is_none(self):
        for body in (b"<html>", {"data": {}}, {"data": {"translations": []}}, [], b""):
            with self.subTest(body=body), server((200, body)) as (url, _):
                with self.assertRaisesRegex(ProviderError, "not understood"):
                    provider(url).translate("one", 5)

    def test_nobody_answers(self):
        with server(translation("uno")) as (url, _):
            pass
        with self.assertRaisesRegex(ProviderError, "refused"):
            provider(url).translate("one", 5)


class SecretTests(unittest.TestCase):
    def test_a_key_is_in_no_log_line(self):
        hidden = log.secrets({"GOOGLE_TRANSLATE_API_KEY": KEY, "STS_AUTH_TOKEN": KEY + "-longer", "HOME": "/root", "MY_PASSWORD": "",
                              "db_secret": "hunter22"})
        line = log.redacted(f"GET https://x/?key={KEY}: {KEY}-longer, hunter22 in /root", hidden)
        self.assertEqual(line, "GET https://x/?key=***: ***, *** in /root")

    def test_what_the_process_logs_and_answers_is_redacted(self):
        # A provider whose error quotes its key, as a library's message may.
        program = (
            "import sys; from sts import chain, log, settings\n"
            "import os; loaded = settings.load(os.environ); log.log('settings', loaded)\n"
            "log.log('failed:', ValueError('bad key ' + loaded.google_key))\n"
            "full = chain.Full.__new__(chain.Full); result = {'stage_timings': {}, 'incidents': []}\n"
            "def work(): raise ValueError('bad key ' + loaded.google_key)\n"
            "try: full._stage(result, lambda *told: None, 'translation', None, work)\n"
            "except Exception as error: print('answer:', error)\n")
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60,
                                env={**os.environ, "GOOGLE_TRANSLATE_API_KEY": KEY, "STS_AUTH_TOKEN": "a-token-for-tests"})
        printed = result.stdout + result.stderr
        self.assertIn("answer: bad key ***", printed)
        self.assertIn("failed: bad key ***", printed)
        self.assertNotIn(KEY, printed)
        self.assertNotIn("a-token-for-tests", printed)


if __name__ == "__main__":
    unittest.main()
