"""testcontainers-python's compose module. usage: testcontainers_up.py PROJECT FILE"""
import json
import os
import sys
import time

from usage import peak_mb

before = peak_mb()
project, file = sys.argv[1:]
os.environ["COMPOSE_PROJECT_NAME"] = project
# Its reaper does not cover the compose module, and its image cannot be had everywhere.
os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"

from testcontainers.compose import DockerCompose  # noqa: E402, after what its import reads


def say(event, **values):
    print(json.dumps({"event": event, "time": time.time(), **values}), flush=True)


compose = DockerCompose(os.path.dirname(file), compose_file_name=os.path.basename(file), wait=True)
try:
    with compose:
        say("ready", rss_growth_mb=peak_mb() - before)
except Exception as error:
    say("error")
    print(error, file=sys.stderr)
    compose.stop(down=True)
    sys.exit(1)
