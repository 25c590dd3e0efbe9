"""From the moment an event is sent to the moment its early change is read from the topic of changes."""

from dataclasses import dataclass
from statistics import quantiles
from typing import Final

from pipeline.io.event_topic import open_event_topic
from pipeline.io.kafka_address import KafkaAddress
from tests.bench.flink.job import running
from tests.bench.flink.live import plan_changes, wall_clock
from tests.bench.flink.submit import HERE, Bench, Read, segments
from tests.bench.flink.topics import PARTITIONS, delete_topic
from tests.flink.feeding import Feeder
from tests.flink.reading import Read as Change
from tests.flink.reading import Reader

RULES: Final = HERE / "live.yaml"
USERS: Final = 10_000
#: Seconds of traffic before the measurement: Java compiles its code, tables fill, the first ticks settle.
WARM_UP: Final = 90
MICROS: Final = 1_000_000
#: What the job waits for late events, seconds; settled changes can't come sooner.
DISORDER: Final = 2


@dataclass(frozen=True)
class Latencies:
    """Seconds from produce to consume."""

    parallelism: int
    #: Events a second, and seconds of them that were measured.
    rate: int
    seconds: int
    changes: int
    p50: float
    p90: float
    p99: float
    most: float
    #: From the time that a tick could first be settled (its time and the disorder) to its last change.
    settled: float


def measure_latency(bench: Bench, rate: int, seconds: int, parallelism: int) -> Latencies:
    """Sends live traffic through a job and follows every early change to the event that it came from.

    Args:
        bench: the running stack.
        rate: events a second.
        seconds: of traffic, after the warm-up.
        parallelism: of the job.

    Raises:
        SubmitError, RunError: The job could not run.
    """
    topic = f"bench-live-{wall_clock()}"
    kafka = bench.addresses.kafka
    open_event_topic(KafkaAddress.parse(f"kafka://{kafka}/{topic}", "--to", reads=False), PARTITIONS)
    submit = segments("early", RULES, [f"--max-disorder={DISORDER}s"])
    read = Read(topic, topic, parallelism, topic)
    try:
        with running(bench, read, submit) as job, Reader(kafka, f"{topic}-changes") as reader:
            events = plan_changes(USERS, WARM_UP + seconds, wall_clock, PARTITIONS)
            job.await_running()
            begin = wall_clock() + WARM_UP * MICROS
            with Feeder(kafka, topic, events, rate):
                reader.take(WARM_UP + seconds + 10)
            return _latencies(reader.changes, begin, rate, seconds, parallelism)
    finally:
        delete_topic(kafka, topic)


def _latencies(changes: list[Change], begin: int, rate: int, seconds: int, parallelism: int) -> Latencies:
    end = begin + seconds * MICROS
    early = [
        change.at - change.change["effective_at"] / MICROS
        for change in changes
        if change.change["stage"] == "EARLY" and begin <= change.change["effective_at"] < end
    ]
    settled = [
        change.at - change.change["effective_at"] / MICROS - DISORDER
        for change in changes
        if change.change["stage"] == "ON_TIME" and begin <= change.change["effective_at"] < end
    ]
    cuts = quantiles(early, n=100)
    return Latencies(
        parallelism, rate, seconds, len(early), cuts[49], cuts[89], cuts[98], max(early), max(settled, default=0.0)
    )


def report(found: list[Latencies]) -> str:
    """The table that people read."""
    lines = [
        "early changes: seconds from produce to consume; settled: from tick + disorder to the tick's last change",
        f"{'parallelism':>11}{'events/s':>10}{'changes':>10}{'p50':>8}{'p90':>8}{'p99':>8}{'most':>8}{'settled':>9}",
    ]
    lines += [
        f"{each.parallelism:>11}{each.rate:>10,}{each.changes:>10,}"
        f"{each.p50:>8.2f}{each.p90:>8.2f}{each.p99:>8.2f}{each.most:>8.2f}{each.settled:>9.2f}"
        for each in found
    ]
    return "\n".join(lines)
