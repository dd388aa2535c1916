"""One line per event, on standard output, which is where `docker logs` looks."""
import os
import re
import sys
import time

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
SHORTEST = 4                            # characters; what is shorter would blacken half of each line


def secrets(env):
    """The values that must not be shown, longest first: one may be part of another."""
    return sorted((value for name, value in env.items() if SECRET_NAME.search(name) and len(value) >= SHORTEST),
                  key=len, reverse=True)


def redacted(text, hidden=tuple(secrets(os.environ))):
    """The text with every secret of the environment replaced, wherever an engine's or a library's message put it."""
    for value in hidden:
        text = text.replace(value, "***")
    return text


def log(*words):
    sys.stdout.write(time.strftime("%H:%M:%S ") + redacted(" ".join(str(w) for w in words)) + "\n")
    sys.stdout.flush()
