"""ComposeKit beside raw `docker compose up --wait`, testcontainers-python and pytest-docker, on the engine that is running."""
import os
import subprocess
import time
import uuid

from engine_events import EngineEvents, remove_projects
from measure import OURS, PEERS, PYTHON, WORK, Cases, MeasureError, json_lines, peer, progress, run, swift_tool

RAW = "docker compose"
TESTCONTAINERS = "testcontainers"
PYTEST_DOCKER = "pytest-docker"
PARTICIPANTS = [OURS, RAW, TESTCONTAINERS, PYTEST_DOCKER]

# Compose polls each 500 ms: delays that differ keep the runs from meeting it at the same moment.
DELAYS = [0.3, 1.6, 0.8, 2.1, 1.3]
CALLS = 5

COMPOSE = """\
services:
  a:
    image: e2e-base:bookworm
    init: true
    stop_grace_period: 1s
    command: ["bash", "-c", "touch /ready; exec sleep 600"]
    healthcheck: {healthcheck}
  b:
    image: e2e-base:bookworm
    init: true
    stop_grace_period: 1s
    command: ["bash", "-c", "{command}"]
    healthcheck: {healthcheck}
"""
HEALTHCHECK = '{test: ["CMD", "test", "-e", "/ready"], interval: 300ms, timeout: 5s, retries: %d}'


def measure(runs):
    cases = Cases("composekit")
    prefix = f"bench{uuid.uuid4().hex[:8]}"
    try:
        with EngineEvents() as events:
            bench = ComposeBench(prefix, events)
            for number in range(1, runs + 1):
                for name, step in (
                    ("ready", bench.ready), ("exits at start", bench.exit_at_start), ("unhealthy", bench.unhealthy),
                    ("two side by side", bench.side_by_side), ("one call", bench.call), ("adopted", bench.adopted),
                ):
                    progress(f"composekit {number}/{runs}: {name}")
                    step(cases, number)
    finally:
        left = remove_projects(prefix)
        if left:
            progress(f"composekit: removed what was left behind: {', '.join(left)}")
    return cases


class ComposeBench:
    def __init__(self, prefix, events):
        self.prefix = prefix
        self.events = events
        self.count = 0

    def project(self, command, retries=200, healthcheck=HEALTHCHECK):
        """A folder with a compose file, and a project name that nobody else has."""
        self.count += 1
        name = f"{self.prefix}n{self.count:03d}x"
        file = WORK / "compose" / name / "compose.yml"
        file.parent.mkdir(parents=True)
        file.write_text(COMPOSE.format(command=command, healthcheck=healthcheck.replace("%d", str(retries))), encoding="utf-8")
        return name, str(file)

    def up(self, who, project, file, status=0):
        """Runs a participant up and down; gives what it said last, and when it had ended."""
        if who == OURS:
            said = run([swift_tool("ComposeBench"), "up", project, file], status=status)
        elif who == RAW:
            said = run(raw(project, file), status=status)
        elif who == TESTCONTAINERS:
            said = run(peer("testcontainers_up.py", project, file), status=status)
        else:
            said = pytest_docker(project, file, status)
        ended = time.time()
        if not said:
            raise MeasureError(f"{who} neither said that {project} is ready nor that it has failed")
        wanted = "ready" if status == 0 else "error"
        if said[-1]["event"] != wanted:
            raise MeasureError(f"{who} said {said[-1]['event']} of {project}, not {wanted}")
        return {**said[-1], "ended": ended}

    def ready(self, cases, number):
        case = cases.case("last healthy event → body", "ms", 30)
        memory = cases.case("memory of the owner while waiting, on top of its start", "MB", 20)
        for who in PARTICIPANTS:
            delay = DELAYS[number % len(DELAYS)]
            project, file = self.project(f"sleep {delay}; touch /ready; exec sleep 600")
            said = self.up(who, project, file)
            healthy = self.events.times(project, "health_status: healthy", count=2)
            case.add(who, (said["time"] - max(healthy)) * 1e3)
            if "rss_growth_mb" in said:
                memory.add(who, said["rss_growth_mb"])

    def exit_at_start(self, cases, _number):
        self.failure(cases, "exits at start", 300, "die", "exit 3", retries=200)

    def unhealthy(self, cases, _number):
        self.failure(cases, "turns unhealthy", 100, "health_status: unhealthy", "exec sleep 600", retries=3)

    def failure(self, cases, name, wanted, action, command, retries):
        reported = cases.case(f"a service {name} → reported", "ms", wanted)
        # Ours removes all behind the error and before its process ends; the peers leave it to the caller.
        thrown = cases.case(f"a service {name} → the call throws", "ms")
        removed = cases.case(f"a service {name} → all removed, process ended", "ms")
        for who in PARTICIPANTS:
            project, file = self.project(command, retries)
            said = self.up(who, project, file, status=1)
            # The first: containers that are taken down afterwards die too.
            happened = self.events.times(project, action)[0]
            reported.add(who, (said["time"] - happened) * 1e3)
            thrown.add(who, (said.get("thrown", said["time"]) - happened) * 1e3)
            # pytest-docker removes nothing if its set-up fails.
            if who != PYTEST_DOCKER:
                removed.add(who, (said["ended"] - happened) * 1e3)

    def side_by_side(self, cases, _number):
        case = cases.case("two projects side by side, start → both ready", "ms")
        command = "sleep 0.5; touch /ready; exec sleep 600"
        projects = [self.project(command) for _ in range(2)]
        start = time.time()
        (said,) = run([swift_tool("ComposeBench"), "up", *projects[0], *projects[1]])
        case.add(OURS, (said["time"] - start) * 1e3)
        projects = [self.project(command) for _ in range(2)]
        start = time.time()
        said = side_by_side([raw(*project) for project in projects])
        case.add(RAW, (max(line["time"] for line in said) - start) * 1e3)
        case.wanted = round(1.05 * case.median(RAW))

    def call(self, cases, _number):
        case = cases.case("one call (pause, unpause)", "ms")
        added = cases.case("one call, on top of the same call by hand", "ms", 15)
        # A pause that meets a health probe fails now and then.
        project, file = self.project("exec sleep 600", healthcheck="{disable: true}")
        (said,) = run([swift_tool("ComposeBench"), "calls", project, file, str(CALLS)])
        case.add(OURS, said["ours_ms"])
        case.add(RAW, said["raw_ms"])
        added.add(OURS, said["ours_ms"] - said["raw_ms"])


    def adopted(self, cases, _number):
        case = cases.case("a running project is used again: process start → body", "ms", 500)
        project, file = self.project("touch /ready; exec sleep 600")
        tool = swift_tool("ComposeBench")
        reuse = ["env", "COMPOSEKIT_REUSE=1", tool, "up", project, file]
        try:
            run(reuse)
            start = time.time()
            (said,) = run(reuse)
            if not said["adopted"]:
                raise MeasureError(f"{project} was started anew, not adopted")
            case.add(OURS, (said["time"] - start) * 1e3)
        finally:
            run([tool, "remove", project, file])
        project, file = self.project("touch /ready; exec sleep 600")
        up = ["docker", "compose", "-p", project, "-f", file, "up", "--detach", "--wait"]
        try:
            run(up)
            start = time.time()
            run(up)
            case.add(RAW, (time.time() - start) * 1e3)
        finally:
            remove_projects(project)


def raw(project, file):
    return ["bash", str(PEERS / "compose_up.sh"), project, file]


def side_by_side(commands):
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for command in commands]
    said = []
    for process in processes:
        output, _ = process.communicate(timeout=120)
        if process.returncode != 0:
            raise MeasureError(f"{' '.join(process.args)}\n  ended with {process.returncode}")
        said += json_lines(output)
    return said


def pytest_docker(project, file, status):
    says = WORK / "compose" / project / "says.jsonl"
    environment = {"BENCH_PROJECT": project, "BENCH_FILE": file, "BENCH_SAYS": str(says)}
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PEERS / "pytest_docker_up.py")]
    try:
        run(["env", *(f"{key}={value}" for key, value in environment.items()), *command], status=status)
    finally:
        if status != 0:
            # It takes nothing down if its own set-up fails.
            remove_projects(project)
    return json_lines(says.read_text(encoding="utf-8")) if os.path.exists(says) else []
