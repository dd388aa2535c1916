"""pytest-docker with its own fixtures; run by pytest with BENCH_PROJECT and BENCH_FILE in the environment."""
import json
import os
import time

import pytest


def say(event):
    # Past pytest's capture: the time is taken before.
    with open(os.environ["BENCH_SAYS"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"event": event, "time": time.time()}) + "\n")


@pytest.fixture(scope="session")
def docker_compose_file():
    return os.environ["BENCH_FILE"]


@pytest.fixture(scope="session")
def docker_compose_project_name():
    return os.environ["BENCH_PROJECT"]


@pytest.fixture(scope="session")
def reported(request):
    try:
        services = request.getfixturevalue("docker_services")
    except Exception:
        say("error")
        raise
    say("ready")
    return services


def test_services_are_up(reported):
    assert reported
