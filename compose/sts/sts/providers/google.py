"""Translation by Google's Cloud Translation API, version 2 (basic). The key comes from GOOGLE_TRANSLATE_API_KEY only."""
import html
import json
import time
import urllib.error
import urllib.request

from . import ProviderError, register

TRIES, PAUSE = 3, 0.5                   # s; a refused or lost request costs little, a lost fragment is audible
RETRYABLE = (429, 500, 502, 503, 504)


class Google:
    def __init__(self, settings):
        self.url, self.key = settings.google_url, settings.google_key
        self.languages, self.target_languages = (settings.source_language,), (settings.target_language,)

    def start(self):
        """Translates one word: a wrong key is an error now, not in the first stream."""
        if not self.key:
            raise ProviderError("STS_MT=google needs GOOGLE_TRANSLATE_API_KEY in the environment; STS_MT=apertium needs no key")
        self.translate("one", 20)

    def stop(self):
        pass

    def translate(self, text, timeout):
        question = {"q": text, "source": self.languages[0], "target": self.target_languages[0], "format": "text"}
        # In a header, not in the URL: URLs end up in logs and error messages.
        request = urllib.request.Request(
            self.url, json.dumps(question).encode(),
            {"Content-Type": "application/json; charset=utf-8", "X-Goog-Api-Key": self.key})
        end = time.monotonic() + timeout
        for attempt in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=max(0.1, end - time.monotonic())) as response:
                    return _translation(response.read())
            except urllib.error.HTTPError as error:
                failure = f"status {error.code}: {_reason(error.read())}"
                if error.code not in RETRYABLE:
                    break
            except OSError as error:    # URLError and timeouts among them
                failure = str(error)
            if attempt == TRIES or time.monotonic() + PAUSE >= end:
                break
            time.sleep(PAUSE)
        raise ProviderError(f"Google Translate gave no translation: {failure}")


def _translation(body):
    try:
        # With format=text nothing is escaped; some answers are all the same.
        return html.unescape(json.loads(body)["data"]["translations"][0]["translatedText"]).strip()
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ProviderError(f"Google Translate's answer is not understood: {body[:200]!r}") from None


def _reason(body):
    try:
        return json.loads(body)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return body[:200].decode(errors="replace")


register("mt", "google", Google)
