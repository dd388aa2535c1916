"""Synthesis with espeak-ng, Spanish."""
import struct
import subprocess

from . import ProviderError, register

NORMAL, FASTEST = 160, 320              # words per minute; faster is no longer understood
HEADER = 44                             # bytes of WAV in front of the samples


class Espeak:
    rate = 22050
    languages = ("es",)

    def __init__(self, settings):
        pass

    def start(self):
        if not self._say("uno", NORMAL, 20):
            raise ProviderError("espeak-ng gives no sound: is espeak-ng-data whole?")

    def stop(self):
        pass

    def _say(self, text, speed, timeout):
        command = ["espeak-ng", "-v", "es", "-s", str(speed), "--stdin", "--stdout"]
        try:
            result = subprocess.run(command, input=text.encode(), capture_output=True, timeout=timeout)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProviderError(f"espeak-ng: {error}") from None
        if result.returncode or len(result.stdout) < HEADER:
            raise ProviderError(f"espeak-ng ended with {result.returncode}: {result.stderr.decode(errors='replace')[-300:]}")
        rate = struct.unpack_from("<I", result.stdout, 24)[0]
        if rate != self.rate:
            raise ProviderError(f"espeak-ng speaks at {rate} Hz instead of {self.rate}")
        samples = result.stdout[HEADER:]
        return samples[:len(samples) & ~1]

    def speak(self, text, seconds, timeout):
        sound = self._say(text, NORMAL, timeout)
        length = len(sound) / 2 / self.rate
        if length > seconds > 0:
            # 5 % more than needed: pauses do not shrink with the words.
            sound = self._say(text, min(FASTEST, int(NORMAL * length / seconds * 1.05) + 1), timeout)
        return sound


register("tts", "espeak", Espeak)
