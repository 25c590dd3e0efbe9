"""The stack of these tests: its addresses, and Flink's REST interface as far as tests look into it."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from deploy.local import processes

Found = TypeVar("Found")
#: Lines of each log that are shown where a test fails.
_SHOWN = 60


def poll(what: str, look: Callable[[], Found | None], seconds: float, every: float = 0.1) -> Found:
    """The first thing that ``look`` finds; fails with what was waited for when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(every)  # between two looks; the deadline above ends it


class Cluster:
    """A local stack (`deploy.local.Stack`) and where its parts listen."""

    def __init__(self, stack: Any) -> None:
        """Shows a stack that is up."""
        self._stack = stack
        addresses = stack.addresses()
        self.flink: str = addresses.flink
        self.job_endpoint: str = addresses.job_endpoint
        self.expansion: str = addresses.expansion
        self.kafka: str = addresses.kafka
        self.checkpoints = Path(addresses.checkpoints)
        self.savepoints = Path(addresses.savepoints)

    @property
    def folder(self) -> Path:
        """All files of the stack."""
        return Path(self._stack.folder)

    def kill(self, name: str) -> None:
        """``kill -9``: taskmanager, jobmanager, broker, jobserver or expansion."""
        self._stack.kill(name)

    def start(self, name: str) -> None:
        """Start a part that was killed, and wait until it serves."""
        self._stack.start(name)

    def pid(self, name: str) -> int:
        """The process id of a part."""
        pid: int = self._stack.pid(name)
        return pid

    def worker_pids(self) -> list[int]:
        """The Python workers of the TaskManager."""
        return processes.children(self.pid("taskmanager"))

    @property
    def environment(self) -> Mapping[str, str]:
        """What `segments` needs to know of this stack."""
        return {
            "FLINK": self.flink,
            "JOB_ENDPOINT": self.job_endpoint,
            "EXPANSION": self.expansion,
            "KAFKA": self.kafka,
        }

    def log_ends(self) -> Iterator[tuple[str, str]]:
        """The end of every log that is not empty, by its file's name; without the insides of stack traces."""
        for file in sorted(self.folder.glob("logs/*")):
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            told = [line for line in lines if not line.startswith("\t")]
            if told:
                yield file.name, "\n".join(told[-_SHOWN:])

    def scratch(self, name: str) -> Path:
        """Where a part keeps its temporary files."""
        return self.folder / "tmp" / name

    def rest(self, path: str) -> Any:
        """What the JobManager answers."""
        with urllib.request.urlopen(f"{self.flink}/{path}", timeout=10) as answer:
            return json.load(answer)

    def state(self, job: str) -> str | None:
        """A job's state, such as RUNNING; None while the JobManager can't tell."""
        try:
            return str(self.rest(f"jobs/{job}")["state"])
        except OSError:
            return None

    def checkpoint_count(self, job: str) -> int:
        """How many checkpoints of a job are complete."""
        try:
            return int(self.rest(f"jobs/{job}/checkpoints")["counts"]["completed"])
        except OSError:
            return 0

    def latest_checkpoint(self, job: str) -> Path:
        """The last retained checkpoint of a job, from its folder: the JobManager may have forgotten it."""
        found = (self.checkpoints / job).glob("chk-*/_metadata")
        return max(found, key=lambda path: int(path.parent.name.partition("-")[2])).parent
