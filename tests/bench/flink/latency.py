"""From the moment an event is sent to the moment its early change is read from the topic of changes.

What a tick takes back is an early change too, but no event's: it comes when the tick settles, and is counted with it.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from math import nan
from statistics import quantiles
from typing import Final

from pipeline.io.kafka.place import KafkaPlace
from segmentation.units import MINUTE, next_tick
from tests.bench.flink.job import running
from tests.bench.flink.live import plan_changes, wall_clock
from tests.bench.flink.submit import HERE, Bench, Read, segments
from tests.bench.flink.topics import PARTITIONS, delete_topic
from tests.flink.feeding import Feeder
from tests.flink.logs import Record
from tests.flink.reading import Read as Change
from tests.flink.reading import Reader

RULES: Final = HERE / "live.yaml"
USERS: Final = 10_000
#: Least seconds of traffic before the measurement: Java compiles its code, tables fill, the first ticks settle.
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
    #: Early changes of events.
    changes: int
    p50: float
    p90: float
    p99: float
    most: float
    #: From the time that a tick could first be settled (its time and the disorder) to the last change that it makes.
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
    KafkaPlace.parse(f"kafka://{kafka}/{topic}", "--to", reads=False).event_topic(make=True, partitions=PARTITIONS)
    submit = segments("early", RULES, [f"--max-disorder={DISORDER}s"])
    read = Read(topic, topic, parallelism, topic)
    try:
        with running(bench, read, submit) as job, Reader(kafka, f"{topic}-changes") as reader:
            times: set[int] = set()
            job.await_running()
            # Half a minute off its tick, which is thus settled while there is traffic.
            begin = next_tick(wall_clock() + (WARM_UP + 30) * MICROS, MINUTE) - MINUTE // 2
            lasting = (begin - wall_clock()) / MICROS + seconds
            events = noted(plan_changes(USERS, lasting, wall_clock, PARTITIONS), times)
            with Feeder(kafka, topic, events, rate):
                reader.take(lasting + 10)
            span = range(begin, begin + seconds * MICROS)
            return latencies(reader.changes, times, span, rate=rate, parallelism=parallelism)
    finally:
        delete_topic(kafka, topic)


def noted(records: Iterable[Record], times: set[int]) -> Iterator[Record]:
    """The same records; the times of their events, µs, go into ``times``."""
    for record in records:
        times.add(json.loads(record.value)["occurred_at"])
        yield record


def latencies(
    changes: Iterable[Change], times: Collection[int], span: range, *, rate: int, parallelism: int
) -> Latencies:
    """The numbers of what was read.

    Args:
        changes: in any order.
        times: of the events, µs, each of another time: an early change of such a time is that event's, and one of a
            tick's time was made by the tick.
        span: the times (µs) of changes that count.
        rate: events a second that were sent.
        parallelism: of the job.
    """
    counted = [change for change in changes if change.change["effective_at"] in span]
    early, ticks = [], []
    for change in counted:
        after = change.at - change.change["effective_at"] / MICROS
        if change.change["stage"] == "EARLY" and change.change["effective_at"] in times:
            early.append(after)
        else:
            ticks.append(after - DISORDER)
    cuts = quantiles(early, n=100)
    seconds = len(span) // MICROS
    return Latencies(
        parallelism, rate, seconds, len(early), cuts[49], cuts[89], cuts[98], max(early), max(ticks, default=nan)
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
