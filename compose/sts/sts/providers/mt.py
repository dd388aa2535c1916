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


# What a word is, without choosing among its meanings.
ANALYSIS = STAGES[:1]
UNIT = re.compile(r"\^([^/$]*)/([^$]*)\$")


class Pipeline:
    """Programs one behind the other, kept running; each text, and each answer, ends with a zero byte."""

    def __init__(self, stages):
        self.stages, self.processes = stages, []

    def start(self):
        self.stop()
        source = subprocess.PIPE
        try:
            for command in self.stages:
                process = subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, bufsize=0)
                if self.processes:
                    source.close()      # the child has it; ours would hide the child's end
                self.processes.append(process)
                source = process.stdout
        except OSError as error:
            raise ProviderError(f"apertium does not start: {error}") from None

    def stop(self):
        processes, self.processes = self.processes, []
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        if processes:
            processes[0].stdin.close()
            processes[-1].stdout.close()

    def ask(self, text, timeout):
        if not self.processes:
            raise ProviderError("apertium is not running", died=True)
        # The sentence end lets the tagger decide; [] are apertium's brackets around what is no text.
        try:
            self.processes[0].stdin.write((SPECIAL.sub(r"\\\1", text) + ".[][\n]").encode() + b"\0")
        except OSError as error:
            raise ProviderError(f"apertium is gone: {error}", died=True) from None
        return self._read(timeout).decode(errors="replace").replace("[][\n]", "").replace("[]", "").strip()

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


class Apertium:
    languages = ("en",)
    target_languages = ("es",)

    def __init__(self, settings):
        self.translator, self.dictionary = Pipeline(STAGES), Pipeline(ANALYSIS)
        self.named = {}                 # word or two -> whether the dictionary has it with capitals

    def start(self):
        self.translator.start()
        self.dictionary.start()
        if self.translate("one", 20).lower() != "uno":
            raise ProviderError("apertium does not translate: is apertium-eng-spa whole?")

    def stop(self):
        self.translator.stop()
        self.dictionary.stop()

    def translate(self, text, timeout):
        answer = self.translator.ask(self.with_names(" ".join(text.split()), timeout), timeout)
        translated = re.sub(r"\\(.)", r"\1", answer).removesuffix(".").replace("*", "").strip()
        # When one stage dies, those behind it end with a zero byte each, which looks like empty answers.
        if "\0" in translated or (not translated and text.strip()):
            raise ProviderError("apertium gave an empty answer: one of its stages has ended", died=True)
        return translated

    def with_names(self, text, timeout):
        """A recogniser's `john` is no word to apertium, `John` is a name: what it knows with a capital only gets one."""
        written = text.split(" ")
        for index, word in enumerate(written):
            if not word.isalpha() or not word.islower() or self._knows(word, timeout):
                continue
            pair = [written[index - 1].capitalize(), word.capitalize()]
            if index and self._is_one(" ".join(pair), timeout):
                written[index - 1:index + 1] = pair         # New York
            elif self._knows(word.capitalize(), timeout):
                written[index] = word.capitalize()
        return " ".join(written)

    def _knows(self, word, timeout):
        if word not in self.named:
            self.named[word] = all(not analysis.startswith("*") for _, analysis in self._units(word, timeout))
        return self.named[word]

    def _is_one(self, words, timeout):
        if words not in self.named:
            self.named[words] = (words, True) in [(unit, "<np>" in analysis) for unit, analysis in self._units(words, timeout)]
        return self.named[words]

    def _units(self, text, timeout):
        return UNIT.findall(self.dictionary.ask(text, timeout))


register("mt", "apertium", Apertium)
