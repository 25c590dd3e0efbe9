"""How memory and checkpoints grow while a job runs: with many events of the same users, and over a long time."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from pipeline.io.kafka.place import KafkaPlace
from tests.bench.flink.job import RunningJob, running
from tests.bench.flink.live import faster_clock, plan_changes, wall_clock
from tests.bench.flink.programs import RULES
from tests.bench.flink.submit import Bench, Read, segments
from tests.bench.flink.topics import PARTITIONS, Progress, delete_topic
from tests.flink.feeding import Feeder

#: Users of a soak, and how much faster its time runs: the windows of seven days are full after eight minutes.
SOAK_USERS: Final = 10_000
SOAK_SPEED: Final = 1_200
#: Events a second at which a log is sent where checkpoints are watched.
GROWTH_RATE: Final = 20_000
_POLL: Final = 1.0
#: Seconds that a job may take for what was sent before.
_REST: Final = 120


@dataclass(frozen=True)
class Moment:
    """A job at a complete checkpoint. Times are seconds since the job started, sizes bytes."""

    at: float
    events: int
    checkpoint: int
    #: How long the checkpoint took.
    took: float
    #: Resident; and what of the JVM's heap is in use, garbage included.
    jvm_memory: int
    worker_memory: int
    heap: int


def checkpoint_growth(bench: Bench, log: Path, events: int) -> list[Moment]:
    """Sends a log through a job; a moment for each checkpoint.

    Args:
        bench: the running stack.
        log: a log of a fixed set of users, longer than all windows.
        events: how many it has.

    Raises:
        SubmitError, RunError: The job could not run.
    """
    topic = f"bench-growth-{wall_clock()}"
    kafka = bench.addresses.kafka
    program = str(Path(sys.executable).with_name("segments"))
    address = f"kafka://{kafka}/{topic}"
    command = [program, "replay", "--quiet", "--events", str(log), "--to", address, "--rate", f"{GROWTH_RATE}/s"]
    with _job_on(bench, topic) as job:
        sender = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            return _watch(job, lambda moments: bool(moments) and moments[-1].events >= events, events / GROWTH_RATE)
        finally:
            sender.terminate()
            sender.wait()


def soak(bench: Bench, minutes: float, rate: int) -> list[Moment]:
    """Steady traffic for some time; a moment for each checkpoint. As `checkpoint_growth`."""
    topic = f"bench-soak-{wall_clock()}"
    seconds = minutes * 60
    with _job_on(bench, topic) as job:
        events = plan_changes(SOAK_USERS, seconds, faster_clock(SOAK_SPEED, seconds), PARTITIONS)
        with Feeder(bench.addresses.kafka, topic, events, rate):
            end = time.monotonic() + seconds
            return _watch(job, lambda _: time.monotonic() >= end, seconds)


@contextmanager
def _job_on(bench: Bench, topic: str) -> Iterator[RunningJob]:
    """A job on a new topic, which goes with the job."""
    kafka = bench.addresses.kafka
    KafkaPlace.parse(f"kafka://{kafka}/{topic}", "--to", reads=False).event_topic(make=True, partitions=PARTITIONS)
    try:
        with running(bench, Read(topic, topic, 1, topic), segments("early", RULES)) as job:
            job.await_running()
            yield job
    finally:
        delete_topic(kafka, topic)


def _watch(job: RunningJob, ended: Callable[[list[Moment]], bool], seconds: float) -> list[Moment]:
    """A moment for each checkpoint, until ``ended`` says so or the time and some more is over."""
    moments: list[Moment] = []
    progress = Progress(job.bench.addresses.kafka, job.read.group, job.read.topic)
    deadline = time.monotonic() + seconds + _REST
    last = 0
    try:
        while not ended(moments) and time.monotonic() < deadline:
            job.check()
            latest = job.rest.checkpoints(job.id).latest
            if latest is not None and latest.id > last:
                last = latest.id
                used = job.usage()
                at = time.monotonic() - job.started
                sizes = (used.jvm_memory, used.worker_memory, job.heap())
                moments.append(Moment(at, progress.records(), latest.size, latest.duration / 1000, *sizes))
            time.sleep(_POLL)
    finally:
        progress.close()
    return moments


def report(title: str, moments: list[Moment], rows: int = 12) -> str:
    """The table that people read: medians of parts of the time (of the heap the least), in 10^6 bytes."""
    lines = [title, f"{'minute':>8}{'events':>12}{'checkpoint':>12}{'took s':>8}{'JVM':>8}{'worker':>8}{'heap':>8}"]
    size = max(1, -(-len(moments) // rows))
    for begin in range(0, len(moments), size):
        part = moments[begin : begin + size]
        megabytes = [
            median(getattr(each, name) for each in part) / 1e6 for name in ("checkpoint", "jvm_memory", "worker_memory")
        ]
        lines.append(
            f"{part[-1].at / 60:>8.1f}{part[-1].events:>12,}{megabytes[0]:>12.1f}"
            f"{median(each.took for each in part):>8.2f}{megabytes[1]:>8.0f}{megabytes[2]:>8.0f}"
            f"{min(each.heap for each in part) / 1e6:>8.0f}"
        )
    return "\n".join(lines)
