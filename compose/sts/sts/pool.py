"""Engines side by side, each in a process of its own: pocketsphinx holds Python's lock while it works (0.2 s a fragment),
which in one process would stop the server's answers and run one fragment after the other."""
import asyncio
import concurrent.futures
import multiprocessing
import signal
import time

from . import chain
from .log import log

START_TIMEOUT = 120                     # s, to load the models
GRACE = 0.5                             # s beyond a stage's limit, for an engine that says itself what was late


class EngineDied(Exception):
    pass


class EngineFailed(Exception):
    """The engine cannot be started: waiting does not help."""


def _serve(connection, settings):
    signal.signal(signal.SIGINT, signal.SIG_IGN)         # the parent ends us
    try:
        engine = chain.create(settings)
        engine.start()
    except Exception as error:
        connection.send({"failed": str(error) or repr(error)})
        return
    connection.send({"providers": engine.description, "source_languages": engine.source_languages,
                     "target_languages": engine.target_languages, "models": engine.models})
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return
        began = time.perf_counter()
        result = engine.process(job, lambda stage, result: connection.send({"stage": stage, **result}))
        result["processing_ms"] = (time.perf_counter() - began) * 1000
        connection.send(result)


class EngineProcess:
    def __init__(self, settings):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, settings), daemon=True)
        self.process.start()
        theirs.close()
        self.about = self._receive(START_TIMEOUT)
        if "failed" in self.about:
            raise EngineFailed(self.about["failed"])

    def _receive(self, timeout):
        try:
            if not self.connection.poll(timeout):
                self.process.kill()
                raise EngineDied(f"the engine gave no answer within {timeout:g} s and was killed")
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join(5)
            raise EngineDied(f"the engine process ended with exit code {self.process.exitcode}") from None

    def process_job(self, job, limit):
        """The result; an engine whose stage is over the limit is killed, and what it had until then is the result."""
        began = time.perf_counter()
        try:
            self.connection.send(job)
        except OSError:
            pass                                         # _receive says how it ended
        late, stage, result = time.perf_counter() + limit + GRACE, None, {}
        while self.connection.poll(max(0, late - time.perf_counter())):
            result = self._receive(0)
            if "stage" not in result:
                return result
            stage, late = result.pop("stage"), time.perf_counter() + limit + GRACE
        self.kill()
        stage = stage or "engine"
        return {**result, **chain.failure(result, stage, chain.overdue(stage, limit + GRACE, limit), "TIMEOUT"),
                "processing_ms": (time.perf_counter() - began) * 1000}

    def kill(self):
        self.process.kill()
        self.process.join(5)
        self.connection.close()


class EnginePool:
    """One engine from the start. While a fragment finds all of them busy another one is loaded, up to STS_WORKERS, and the fragment
    takes whichever is free first: loading costs as much as several fragments, and a service that hears one stream needs one engine."""

    def __init__(self, settings):
        self.settings = settings
        self.limit = settings.stage_timeout
        self.idle = asyncio.Queue()
        self.unloaded = settings.workers - 1
        self.loading = set()
        self.about = None
        self.threads = concurrent.futures.ThreadPoolExecutor(settings.workers, "engine")

    async def _run(self, work, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *arguments)

    async def start(self):
        engine = await self._run(EngineProcess, self.settings)
        self.about = engine.about
        self.idle.put_nowait(engine)

    def _load_another(self):
        self.unloaded -= 1
        task = asyncio.ensure_future(self._load())
        self.loading.add(task)
        task.add_done_callback(self.loading.discard)

    async def _load(self):
        try:
            self.idle.put_nowait(await self._run(EngineProcess, self.settings))
        except (EngineDied, EngineFailed) as error:
            log("engine:", error)
            self.unloaded += 1

    async def process(self, job, report):
        """`report` is told of each incident that was survived. A dead engine is replaced and the job tried once more."""
        if self.idle.empty() and self.unloaded:
            self._load_another()
        engine = await self.idle.get()
        try:
            for attempt in (1, 2):
                try:
                    engine = engine or await self._run(EngineProcess, self.settings)
                    result = await self._run(engine.process_job, job, self.limit)
                    if not engine.process.is_alive():
                        log("engine:", result["error"]["message"] if "error" in result else "ended")
                        engine = None
                    for incident in result.get("incidents", ()):
                        report(incident["message"])
                    return result
                except (EngineDied, EngineFailed) as error:
                    log("engine:", error)
                    if engine:
                        await self._run(engine.kill)
                    engine = None
                    if attempt == 2:
                        return {"status": "failed", "processing_ms": 0, "error": {
                            "code": "MODEL_ERROR", "message": str(error), "stage": "engine", "retryable": True}}
                    report(f"{error}; started again")
        finally:
            self.idle.put_nowait(engine)                 # None: the next job starts a new one
