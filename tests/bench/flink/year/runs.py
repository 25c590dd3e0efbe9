"""What both runs have in common: topics, the job, its feed and its samples; and what came in the end."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pipeline.runners.flink.rest import FlinkError
from tests.acceptance.driving import KEYS
from tests.bench.flink.job import RunError, RunningJob, running
from tests.bench.flink.live import wall_clock
from tests.bench.flink.submit import Bench, Read, SubmitError, segments
from tests.bench.flink.topics import PARTITIONS, delete_topic
from tests.bench.flink.year.feeding import Feeder, Sent
from tests.bench.flink.year.judging import Came, Judge, Verdict
from tests.bench.flink.year.plan import Plan, rules_of
from tests.bench.flink.year.records import finish
from tests.bench.flink.year.sampling import Sample, Sampler, checkpoints_of, wait_for

_CHANGES_PARTITIONS: Final = 3
#: Restarts in a row after which a job is stuck: it fails on the same events each time.
_RESTARTS: Final = 4
#: Bytes of disk that a run leaves free; below, it ends.
_LEAST_FREE: Final = 5_000_000_000
#: Seconds without a new change after which none is expected any more.
_QUIET: Final = 90.0
#: What topics of a run are made with: they keep everything, whatever its time.
_KEPT: Final = {
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(10 << 20),
    "message.timestamp.after.max.ms": str(2**63 - 1),
}


@dataclass(frozen=True)
class Setting:
    """How a run is made."""

    parallelism: int
    emit: str
    #: Seconds between two samples, and after which everything is stopped.
    every: float
    timeout: float
    options: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What a run has come to, whole or not."""

    plan: Plan
    folder: Path
    samples: list[Sample] = field(default_factory=list)
    verdict: Verdict | None = None
    early: int = 0
    #: Why it ended before its end; empty where it didn't.
    failure: str = ""

    @property
    def good(self) -> bool:
        """Whether it came to its end and is exact."""
        return not self.failure and self.verdict is not None and self.verdict.exact


@dataclass
class Live:
    """A run that is going on."""

    plan: Plan
    job: RunningJob
    sampler: Sampler
    sent: Sent
    deadline: float
    #: Events and checkpoint that the job had when it last came on, and its restarts by then.
    _last: tuple[int, int, int] = (0, 0, 0)

    def wait_for(self, what: str, reached: Callable[[], bool]) -> None:
        """Returns when ``reached`` says so; raises `RunError` where the job or the time ends before."""

        def check() -> None:
            self.job.check()
            self.sampler.check()
            self._check_progress()
            free = shutil.disk_usage(self.job.bench.stack).free
            if free < _LEAST_FREE:
                raise RunError(f"only {free / 1e9:.1f} GB of disk are left: {what}")

        wait_for(what, reached, check, self.deadline)

    def _check_progress(self) -> None:
        looks = self.sampler.samples
        if looks and (looks[-1].done, looks[-1].checkpoint) != self._last[:2]:
            self._last = (looks[-1].done, looks[-1].checkpoint, looks[-1].restarts)
        elif looks and looks[-1].restarts - self._last[2] >= _RESTARTS:
            reasons = [failure.message for failure in self.job.rest.exceptions(self.job.id)[:1]]
            raise RunError(f"the job restarted {_RESTARTS} times without a checkpoint: {' '.join(reasons)}")

    def finish(self) -> None:
        """Ends the feed with heartbeats, and waits until the job has them behind it."""
        with Feeder(
            self.job.bench.addresses.kafka, self.job.read.topic, finish(self.plan), self.sent, done=lambda: 0
        ) as end:
            self.wait_for("the last heartbeat to be sent", lambda: end.over)
        looks = self.sampler.samples
        begun = len(looks)
        self.wait_for("the end of the topic", lambda: len(looks) > begun + 1 and looks[-1].lag == 0)


@contextmanager
def started(bench: Bench, plan: Plan, setting: Setting, folder: Path) -> Iterator[Live]:
    """A job on new topics, sampled as long as the block lasts; nothing of it stays but its files."""
    folder.mkdir(parents=True, exist_ok=True)
    rules = folder / "rules.yaml"
    rules.write_text(rules_of(plan), encoding="utf-8")
    topic = f"bench-long-{wall_clock()}"
    kafka = bench.addresses.kafka
    make_topics(kafka, {topic: PARTITIONS, f"{topic}-changes": _CHANGES_PARTITIONS})
    deadline = time.monotonic() + setting.timeout
    sent = Sent()
    checkpoints: Path | None = None
    try:
        read = Read(topic, topic, setting.parallelism, topic)
        with running(bench, read, segments(setting.emit, rules, setting.options)) as job:
            checkpoints = checkpoints_of(job)
            job.await_running()
            with Sampler(job, f"{topic}-changes", sent, setting.every, folder / "samples.csv") as sampler:
                yield Live(plan, job, sampler, sent, deadline)
    finally:
        delete_topic(kafka, topic)
        if checkpoints is not None:
            shutil.rmtree(checkpoints, ignore_errors=True)


def make_topics(servers: str, partitions: dict[str, int]) -> None:
    """New topics that keep everything."""
    client = AdminClient({"bootstrap.servers": servers, "log_level": 3})
    new = [NewTopic(name, count, 1, config=_KEPT) for name, count in partitions.items()]
    for created in client.create_topics(new, operation_timeout=30).values():
        created.result(60)


class ChangeReader:
    """Reads the topic of changes from its beginning."""

    def __init__(self, live: Live, judge: Judge) -> None:
        """``judge`` knows the users."""
        servers = live.job.bench.addresses.kafka
        self.came = Came(judge)
        self._live = live
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": "bench", "enable.auto.commit": False, "log_level": 3}
        )
        topic = f"{live.job.read.topic}-changes"
        self._consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in range(_CHANGES_PARTITIONS)])

    def take(self, seconds: float) -> list[dict[str, object]]:
        """What has come, after at most so many seconds of waiting for anything."""
        messages = self._consumer.consume(5_000, seconds)
        return [self.came.take(message.value()) for message in messages if message.error() is None]

    def take_all(self) -> None:
        """Reads until all that is expected came, or nothing more comes; then what came meanwhile."""
        wanted = len(self.came.judge.expected)
        last = time.monotonic()

        def complete() -> bool:
            nonlocal last
            if self.take(0.5):
                last = time.monotonic()
            return len(self.came) >= wanted or time.monotonic() - last > _QUIET

        self._live.wait_for(f"all settled changes; {len(self.came):,} of {wanted:,} came", complete)
        while self.take(2.0):
            pass

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()


def judge_of(plan: Plan) -> Judge:
    """A judge with the keys that the job has."""
    return Judge(plan, KEYS)


#: What ends a run before its end, and leaves something to report: also whoever stops it wants that.
ENDS: Final = (RunError, SubmitError, FlinkError, KafkaException, OSError, KeyboardInterrupt, SystemExit)


def failure_of(error: BaseException) -> str:
    """Why a run ended, in a line."""
    return str(error) if isinstance(error, RunError) else f"{type(error).__name__}: {error}"
