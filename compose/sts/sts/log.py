"""One line per event, on standard output, which is where `docker logs` looks."""
import sys
import time


def log(*words):
    sys.stdout.write(time.strftime("%H:%M:%S ") + " ".join(str(w) for w in words) + "\n")
    sys.stdout.flush()
