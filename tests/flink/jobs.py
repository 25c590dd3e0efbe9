"""Starts and stops jobs as people do: with ``segments run`` and ``segments stop``, each a process of its own."""

import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.running import ENVIRONMENT
from tests.cli.commands import Outcome, command
from tests.flink.cluster import Cluster, poll
from tests.flink.topics import Topics

ENDED = ("FINISHED", "CANCELED", "FAILED")


@dataclass(frozen=True)
class Job:
    """A job on the cluster."""

    id: str
    cluster: Cluster

    def wait_for_checkpoint(self, more: int = 1, seconds: float = 60) -> None:
        """Wait until so many more checkpoints are complete."""
        wanted = self.cluster.checkpoint_count(self.id) + more

        def reached() -> bool | None:
            return True if self.cluster.checkpoint_count(self.id) >= wanted else None

        poll(f"checkpoint {wanted} of {self.id}", reached, seconds)

    def cancel(self) -> None:
        """Cancel the job, if it has not ended yet, and wait until it has."""
        if self.cluster.state(self.id) in (None, *ENDED):
            return
        request = urllib.request.Request(f"{self.cluster.flink}/jobs/{self.id}?mode=cancel", method="PATCH")
        urllib.request.urlopen(request, timeout=30).close()
        self.wait_for_end()

    def wait_for_end(self, seconds: float = 90) -> str:
        """Wait until the job has ended, and tell how."""
        return poll(f"the end of {self.id}", self._ended, seconds)

    def stop_with_savepoint(self) -> Path:
        """``segments stop --savepoint``: where the savepoint is."""
        done = segments(self.cluster, "stop", "--job", self.id, "--savepoint")
        found = re.search(r"^SAVEPOINT=(.+)$", done.out, re.MULTILINE)
        assert done.code == 0, f"{done}"
        assert found is not None, f"{done}"
        self.wait_for_end()
        return Path(found[1].removeprefix("file:"))

    def _ended(self) -> str | None:
        state = self.cluster.state(self.id)
        return state if state in ENDED else None


def segments(cluster: Cluster, *arguments: object, seconds: float = 240) -> Outcome:
    """A command of ``segments`` that knows the cluster and the keys."""
    environment = {**os.environ, **ENVIRONMENT, **cluster.environment}
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=seconds, env=environment
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def arguments_of(rules: Path, topics: Topics, *options: object, query: str = "idle=2s") -> list[str]:
    """What ``segments run`` gets for a job between these topics."""
    places = {
        "--rules": rules,
        "--events": topics.url(topics.events, query),
        "--changes": topics.url(topics.changes),
        "--dead-letters": topics.url(topics.dead_letters),
        "--max-disorder": "30s",
        "--runner": "flink",
    }
    return ["run", *(str(text) for place in places.items() for text in place), *map(str, options)]


def submit(cluster: Cluster, arguments: list[str]) -> Job:
    """Start a job and leave it when it runs."""
    done = segments(cluster, *arguments, "--detach")
    found = re.search(r"^JOB=(\w+)$", done.out, re.MULTILINE)
    assert done.code == 0, f"{done.out}\n{done.err}"
    assert found is not None, f"{done.out}\n{done.err}"
    return Job(found[1], cluster)


@contextmanager
def running(cluster: Cluster, arguments: list[str]) -> Iterator[Job]:
    """A job that is cancelled when the block is left, unless it has ended before."""
    job = submit(cluster, arguments)
    try:
        yield job
    finally:
        job.cancel()
