"""A job of the benchmark on the cluster, from its submission to its end."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from deploy.local import Stack
from pipeline.runners.flink.rest import FlinkError, FlinkRest
from tests.bench.flink.submit import Bench, Read, Submit
from tests.bench.flink.topics import delete_topic
from tests.bench.flink.usage import Usage, usage

_APPEAR: Final = 120.0
_POLL: Final = 0.2
_ENDED: Final = ("FAILED", "CANCELED", "FINISHED")


class RunError(Exception):
    """A job failed or made no progress; says which and why."""


@contextmanager
def running(bench: Bench, read: Read, submit: Submit) -> Iterator["RunningJob"]:
    """Submits a job, and leaves nothing of it on the cluster.

    Raises:
        SubmitError: It could not be submitted.
        RunError: It does not appear on the cluster.
    """
    started = time.monotonic()
    submit(bench, read)
    job = RunningJob(bench, read, started)
    try:
        yield job
    finally:
        job.end()


class RunningJob:
    """A job on the cluster."""

    def __init__(self, bench: Bench, read: Read, started: float) -> None:
        """Waits for the job to appear under its name."""
        self.bench = bench
        self.read = read
        self.started = started
        self.rest = FlinkRest(bench.addresses.flink)
        self.id = self._appeared()

    def _appeared(self) -> str:
        deadline = time.monotonic() + _APPEAR
        while time.monotonic() < deadline:
            for job in self.rest.jobs():
                if self.read.name in job.name:
                    return job.id
            time.sleep(_POLL)
        raise RunError(f"{self.read.name} did not appear on the cluster within {_APPEAR:.0f} s")

    def usage(self) -> Usage:
        """What the TaskManager and the workers have used so far."""
        pid = Stack(self.bench.stack).pid("taskmanager")
        if pid is None:
            raise RunError(f"{self.read.name}: the TaskManager is gone")
        return usage(pid)

    def await_running(self, seconds: float = 180) -> None:
        """Returns when a checkpoint is complete: every step of the job works.

        Raises:
            RunError: The job ended, or did not come so far in time.
        """
        deadline = time.monotonic() + seconds
        while self.rest.checkpoints(self.id).latest is None:
            self.check()
            if time.monotonic() > deadline:
                raise RunError(f"{self.read.name} made no checkpoint within {seconds:.0f} s")
            time.sleep(_POLL)

    def heap(self) -> int:
        """Bytes of the TaskManager's heap that are in use, garbage included."""
        name = "Status.JVM.Memory.Heap.Used"
        (manager,) = _json(f"{self.rest.url}/taskmanagers")["taskmanagers"]
        found = _json(f"{self.rest.url}/taskmanagers/{manager['id']}/metrics?get={name}")
        return int(found[0]["value"])

    def check(self) -> None:
        """Raises `RunError` where the job has ended."""
        job, _ = self.rest.job(self.id)
        if job.state in _ENDED:
            reasons = [failure.message for failure in self.rest.exceptions(self.id)[:1]]
            raise RunError(f"{self.read.name} is {job.state}: {' '.join(reasons)}")

    def end(self, seconds: float = 60) -> None:
        """Cancels the job, waits until it is gone, and removes its topic of changes."""
        try:
            self.rest.cancel(self.id)
        except FlinkError:
            self.rest.job(self.id)  # it had ended by itself, unless the cluster is gone
        deadline = time.monotonic() + seconds
        while self.rest.job(self.id)[0].active:
            if time.monotonic() > deadline:
                raise RunError(f"{self.read.name} still runs {seconds:.0f} s after it was cancelled")
            time.sleep(_POLL)
        for kind in ("changes", "changes.dead-letters"):
            delete_topic(self.bench.addresses.kafka, f"{self.read.name}-{kind}")


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)
