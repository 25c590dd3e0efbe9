"""Looks at a running job every few seconds: a row of numbers each time, in a CSV file at once."""

import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import httpx
from confluent_kafka import Consumer, KafkaException, TopicPartition

from deploy.local.layout import scratch_of
from pipeline.runners.flink.rest import FlinkError
from tests.background import Background
from tests.bench.flink.job import RunError, RunningJob
from tests.bench.flink.topics import Progress
from tests.bench.flink.year.feeding import Sent

#: Seconds between two looks at how far the job is.
_LOOK: Final = 0.5
#: Failures in a row after which it is the cluster that is gone.
_PATIENCE: Final = 120


@dataclass(frozen=True)
class Sample:
    """A job at a moment. Sizes are bytes, durations seconds, event times µs (0 where there is none yet)."""

    #: Seconds since the job was submitted, and of the epoch.
    at: float
    clock: float
    #: Events that were sent, and those behind the positions that the job has committed; repeats count.
    sent: int
    done: int
    #: The event time that those bring, and the least watermark of the last step that has one.
    event_time: int
    watermark: int
    #: Records of the topic of changes, and of the topic of events behind the committed positions.
    changes: int
    lag: int
    worker_memory: int
    jvm_memory: int
    heap: int
    worker_cpu: float
    jvm_cpu: float
    checkpoint: int
    checkpoint_triggered: float
    checkpoint_seconds: float
    checkpoint_bytes: int
    checkpoint_written: int
    checkpoints: int
    checkpoints_failed: int
    restarts: int
    #: On disk: RocksDB and what else the TaskManager keeps, checkpoints, the broker.
    state_disk: int
    checkpoint_disk: int
    broker_disk: int


class Sampler(Background):
    """Takes samples on a thread of its own."""

    def __init__(self, job: RunningJob, changes: str, sent: Sent, every: float, file: Path) -> None:
        """``every`` is seconds, ``changes`` the topic of the job's changes, ``file`` the CSV."""
        super().__init__()
        self.samples: list[Sample] = []
        #: Events behind the job, as of a moment ago.
        self.done = 0
        self._job, self._sent, self._every, self._file = job, sent, every, file
        self._changes = Ends(job.bench.addresses.kafka, changes)
        self._progress = Progress(job.bench.addresses.kafka, job.read.group, job.read.topic)

    def _work(self) -> None:
        failed = 0
        with self._file.open("w", encoding="utf-8", newline="") as output:
            rows = csv.DictWriter(output, [each.name for each in fields(Sample)])
            rows.writeheader()
            while not self._stop.wait(_LOOK):
                try:
                    self._look(rows)
                    failed = 0
                except (FlinkError, RunError, KafkaException, OSError, ValueError, httpx.HTTPError):
                    failed += 1
                    if failed == _PATIENCE:
                        raise
                output.flush()
        self._progress.close()
        self._changes.close()

    def _look(self, rows: "csv.DictWriter[str]") -> None:
        positions = self._progress.positions()
        self.done = self._sent.events_before(positions)
        now = time.monotonic() - self._job.started
        if not self.samples or now - self.samples[-1].at >= self._every:
            sample = self._sample(now, positions)
            self.samples.append(sample)
            rows.writerow(asdict(sample))

    def _sample(self, now: float, positions: list[int]) -> Sample:
        job, rest = self._job, self._job.rest
        checkpoints, used = rest.checkpoints(job.id), job.usage()
        latest = checkpoints.latest
        stack = job.bench.stack
        return Sample(
            at=round(now, 2),
            clock=round(time.time(), 2),
            sent=self._sent.events,
            done=self.done,
            event_time=self._sent.time_before(positions) or 0,
            watermark=self._watermark(),
            changes=self._changes.total(),
            lag=self._progress.total() - sum(positions),
            worker_memory=used.worker_memory,
            jvm_memory=used.jvm_memory,
            heap=job.heap(),
            worker_cpu=round(used.worker_cpu, 2),
            jvm_cpu=round(used.jvm_cpu, 2),
            checkpoint=latest.id if latest else 0,
            checkpoint_triggered=latest.triggered / 1000 if latest else 0,
            checkpoint_seconds=latest.duration / 1000 if latest else 0,
            checkpoint_bytes=latest.size if latest else 0,
            checkpoint_written=latest.written if latest else 0,
            checkpoints=checkpoints.completed,
            checkpoints_failed=checkpoints.failed,
            restarts=rest.restarts(job.id) or 0,
            state_disk=size_of(scratch_of(stack, "taskmanager")),
            checkpoint_disk=size_of(checkpoints_of(job)),
            broker_disk=size_of(stack / "kafka"),
        )

    def _watermark(self) -> int:
        rest, job = self._job.rest, self._job.id
        marks = [mark for vertex in rest.job(job)[1][-1:] for mark in rest.watermarks(job, vertex.id)]
        return max(min(marks, default=0), 0) * 1000


class Ends:
    """How many records a topic has."""

    def __init__(self, servers: str, topic: str) -> None:
        """The topic exists."""
        self._consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench", "log_level": 3})
        known = self._consumer.list_topics(topic, 30).topics[topic].partitions
        self._partitions = [TopicPartition(topic, number) for number in known]

    def total(self) -> int:
        """Now."""
        return sum(self._consumer.get_watermark_offsets(each, timeout=30)[1] for each in self._partitions)

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()


def checkpoints_of(job: RunningJob) -> Path:
    """The folder of a job's checkpoints; it outlives the job."""
    return Path(job.bench.addresses.checkpoints) / job.id


def size_of(folder: Path) -> int:
    """Bytes that the files below a folder take on disk; files may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total


def wait_for(what: str, reached: Callable[[], bool], check: Callable[[], None], deadline: float) -> None:
    """Returns when ``reached`` says so, and calls ``check`` meanwhile.

    Raises:
        RunError: the time (`time.monotonic`) is over.
    """
    while not reached():
        if time.monotonic() > deadline:
            raise RunError(f"the time is over: {what}")
        check()
        time.sleep(0.5)  # between two looks; the deadline above ends it
