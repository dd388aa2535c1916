"""What the engine itself says, and when: the reference that all participants are measured against."""
import json
import subprocess
import threading
import time

PROJECT_LABEL = "com.docker.compose.project"


class EngineEvents:
    """Listens while it is open; the engine's own history is too short, since health checks fill it."""

    def __enter__(self):
        command = ["docker", "events", "--format", "{{json .}}", "--filter", "type=container"]
        for kind in ("start", "die", "health_status"):
            command += ["--filter", f"event={kind}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.seen = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            project = event["Actor"]["Attributes"].get(PROJECT_LABEL, "")
            with self.changed:
                self.seen.append((project, event["Action"], event["timeNano"] / 1e9))
                self.changed.notify_all()

    def times(self, project, action, count=1, timeout=10):
        """When `action` happened in a project, whose name may have a suffix; waits until it was heard `count` times."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                found = [at for name, what, at in self.seen if name.startswith(project) and what == action]
                if len(found) >= count:
                    return found
                if not self.changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise TimeoutError(f"the engine said {action} of {project} {len(found)} times in {timeout} s, not {count}")


def remove_projects(prefix):
    """Removes whatever is left of projects whose name begins so; gives what it was."""
    left = []
    for kind, listing, removal in (
        ("container", ["ps", "--all"], ["rm", "--force", "--volumes"]),
        ("network", ["network", "ls"], ["network", "rm"]),
        ("volume", ["volume", "ls"], ["volume", "rm"]),
    ):
        field = "{{.Name}}" if kind == "volume" else "{{.ID}}"
        found = subprocess.run(
            ["docker", *listing, "--filter", f"label={PROJECT_LABEL}", "--format", f'{field} {{{{.Label "{PROJECT_LABEL}"}}}}'],
            capture_output=True, text=True, check=True, timeout=60).stdout
        ours = [line.split()[0] for line in found.splitlines() if line.split()[1:] and line.split()[1].startswith(prefix)]
        if ours:
            left.append(f"{len(ours)} × {kind}")
            subprocess.run(["docker", *removal, *ours], capture_output=True, check=False, timeout=120)
    return left
