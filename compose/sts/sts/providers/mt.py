"""Translation with apertium's English-Spanish pair, kept running: 1 ms a sentence instead of 200 ms."""
import os
import re
import select
import subprocess
import time

from . import ProviderError, register

DATA = "/usr/share/apertium/apertium-eng-spa/"
PAIR = DATA + "apertium-eng-spa.eng-spa."
# As in /usr/share/apertium/modes/eng-spa.mode, each with -z: flush at every zero byte.
STAGES = (
    ("lt-proc", "-z", DATA + "eng-spa.automorf.bin"),
    ("apertium-tagger", "-z", "-g", DATA + "eng-spa.prob"),
    ("apertium-pretransfer", "-z"),
    ("apertium-transfer", "-z", "-n", PAIR + "genitive.t1x", DATA + "eng-spa.genitive.bin"),
    ("lt-proc", "-z", "-b", DATA + "eng-spa.autobil.bin"),
    ("lrx-proc", "-z", "-m", DATA + "eng-spa.autolex.bin"),
    ("apertium-transfer", "-z", "-b", PAIR + "t1x", DATA + "eng-spa.t1x.bin"),
    ("apertium-interchunk", "-z", PAIR + "t2x", DATA + "eng-spa.t2x.bin"),
    ("apertium-postchunk", "-z", PAIR + "t3x", DATA + "eng-spa.t3x.bin"),
    ("lt-proc", "-z", "-n", DATA + "eng-spa.autogen.bin"),      # -n: no # before forms that it cannot inflect
    ("lt-proc", "-z", "-p", DATA + "eng-spa.autopgen.bin"),
)
SPECIAL = re.compile(r"([\\^$@\[\]{}<>/*#])")


class Apertium:
    languages = ("en",)
    target_languages = ("es",)

    def __init__(self, settings):
        self.processes = []

    def start(self):
        self.stop()
        source = subprocess.PIPE
        try:
            for command in STAGES:
                process = subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, bufsize=0)
                if self.processes:
                    source.close()      # the child has it; ours would hide the child's end
                self.processes.append(process)
                source = process.stdout
        except OSError as error:
            raise ProviderError(f"apertium does not start: {error}") from None
        if self.translate("one", 20).lower() != "uno":
            raise ProviderError("apertium does not translate: is apertium-eng-spa whole?")

    def stop(self):
        processes, self.processes = self.processes, []
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        if processes:
            processes[0].stdin.close()
            processes[-1].stdout.close()

    def translate(self, text, timeout):
        if not self.processes:
            raise ProviderError("apertium is not running", died=True)
        escaped = SPECIAL.sub(r"\\\1", " ".join(text.split()))
        # The sentence end lets the tagger decide; [] are apertium's brackets around what is no text.
        try:
            self.processes[0].stdin.write((escaped + ".[][\n]").encode() + b"\0")
        except OSError as error:
            raise ProviderError(f"apertium is gone: {error}", died=True) from None
        answer = self._read(timeout).decode(errors="replace").replace("[][\n]", "").replace("[]", "").strip()
        translated = re.sub(r"\\(.)", r"\1", answer).removesuffix(".").replace("*", "").strip()
        # When one stage dies, those behind it end with a zero byte each, which looks like empty answers.
        if "\0" in translated or (not translated and text.strip()):
            raise ProviderError("apertium gave an empty answer: one of its stages has ended", died=True)
        return translated

    def _read(self, timeout):
        output, end, received = self.processes[-1].stdout, time.monotonic() + timeout, b""
        while not received.endswith(b"\0"):
            ready, _, _ = select.select([output], [], [], max(0, end - time.monotonic()))
            if not ready:               # an answer that comes later would be taken for the next sentence's
                raise ProviderError(f"apertium gave no answer within {timeout:g} s", died=True)
            part = os.read(output.fileno(), 65536)
            if not part:
                codes = [p.poll() for p in self.processes]
                raise ProviderError(f"apertium's pipeline ended (exit codes {codes})", died=True)
            received += part
        return received[:-1]


register("mt", "apertium", Apertium)
