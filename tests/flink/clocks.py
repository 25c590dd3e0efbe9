"""Topics whose producers' clocks disagree, and what a job makes of them: what is late, when ticks settle."""

import json
import random
import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, Literal

from confluent_kafka.admin import AdminClient, NewPartitions

from pipeline.runners.flink.operations import status
from pipeline.runners.flink.rest import FlinkRest
from pipeline.streams.tail import TailOptions, tail
from segmentation.units import MINUTE, SECOND
from tests.flink.cluster import Cluster
from tests.flink.feeding import Feeder, feed
from tests.flink.jobs import arguments_of, running
from tests.flink.logs import DAY_MS, Record, partition_of
from tests.flink.reading import Reader
from tests.flink.topics import Topics

RULES: Final = Path(__file__).parent / "rules" / "clocks.yaml"
#: Where a log of long ago begins, and how much faster than it happened it is fed.
START: Final = 1_767_225_600 * SECOND
SPEED: Final = 60
USERS: Final = 300
#: How far (µs) the well-behaved producers' events are out of order, and what the job allows for.
DISORDER: Final = 4 * SECOND
ALLOWED: Final = 10 * SECOND
#: After live traffic, seconds of heartbeats ahead of all that any producer has sent, and between two: they settle what
#: is open.
AFTER: Final = 80
BEAT: Final = 5
#: How far ahead those are, µs.
BEYOND: Final = 25 * MINUTE


@dataclass(frozen=True)
class Scenario:
    """A topic with two partitions for well-behaved producers, and what disturbs them."""

    name: str
    #: Whether events are stamped with the time of their sending, or are a log of long ago.
    live: bool
    seconds: int = 70
    #: Events of well-behaved producers a second.
    rate: int = 60
    partitions: int = 2
    #: µs by which one producer's clock is wrong, how many of its events come a second, and where to.
    shift: int = 0
    odd_rate: float = 0.0
    odd_partition: int | None = None
    #: Seconds after which it begins: a job whose first event is a month old has a month of ticks to settle.
    odd_after: int = 0
    #: From a third of the run on, nothing comes to the second partition any more; or there is a third one.
    then: Literal["", "silent", "added"] = ""


@dataclass
class Outcome:
    """What came of the events of the well-behaved producers."""

    sent: int
    late: int
    #: Events that the job never counted.
    missing: int
    #: Seconds from when events had passed a tick and the allowed disorder to the tick's first settled change, median.
    settled_after: float | None
    #: Ticks that settled, and how many there were to settle.
    ticks: int
    of: int


@dataclass
class _Feed:
    """Makes the records, and notes when event time was where."""

    scenario: Scenario
    topics: Topics
    sent: int = 0
    odd: int = 0
    #: (seconds of the epoch, the latest event of well-behaved producers by then, µs), both ascending.
    reached: list[tuple[float, int]] = field(default_factory=list)

    def records(self) -> Iterator[Record]:
        generator, scenario = random.Random(7), self.scenario
        total = scenario.seconds * scenario.rate
        latest = 0
        for number in range(total):
            now = self._now(number)
            after = number * 3 >= total
            if after and scenario.then == "added" and self.topics.partitions == scenario.partitions:
                self._add_partition()
            at = now - generator.randrange(DISORDER)
            latest = max(latest, at)
            self.reached.append((time.time(), latest))
            self.sent += 1
            where = self._partition_of(number, after)
            yield _record(f"u{number}", f"u{generator.randrange(USERS)}", "click", at, where)
            if self.odd < ((number + 1) / scenario.rate - scenario.odd_after) * scenario.odd_rate:
                self.odd += 1
                where = self.odd % scenario.partitions if scenario.odd_partition is None else scenario.odd_partition
                yield _record(f"o{self.odd}", "odd", "odd", now + scenario.shift, where)

    def _now(self, number: int) -> int:
        if self.scenario.live:
            return int(time.time() * SECOND)
        return START + number * SPEED * SECOND // self.scenario.rate

    def _partition_of(self, number: int, after: bool) -> int:
        used = 2
        if after and self.scenario.then:
            used = {"silent": 1, "added": 3}[self.scenario.then]
        return partition_of(str(number).encode(), used)

    def _add_partition(self) -> None:
        client = AdminClient({"bootstrap.servers": self.topics.servers})
        wanted = NewPartitions(self.topics.events, self.scenario.partitions + 1)
        client.create_partitions([wanted], operation_timeout=30)[self.topics.events].result(60)
        self.topics = Topics(
            self.topics.servers,
            self.topics.events,
            self.topics.changes,
            self.topics.dead_letters,
            self.scenario.partitions + 1,
        )


def _record(event: str, user: str, name: str, at: int, partition: int) -> Record:
    value = json.dumps({"event_id": event, "user_id": user, "name": name, "occurred_at": at}).encode()
    return Record(partition, user.encode(), value, at // 1000, 0 if name == "odd" else 1)


def measure(cluster: Cluster, topics: Topics, scenario: Scenario) -> Outcome:
    """Run the scenario on a job of its own."""
    audit = f"{topics.changes}-audit"
    options = ["--audit", topics.url(audit), "--shards", 2]
    arguments = arguments_of(RULES, topics, *options, query="idle=5s")
    arguments[arguments.index("--max-disorder") + 1] = f"{ALLOWED // SECOND}s"
    made = _Feed(scenario, topics)
    with running(cluster, arguments) as job, Reader(cluster.kafka, topics.changes) as reader:
        job.wait_for_checkpoint(seconds=180)
        with Feeder(cluster.kafka, topics.events, made.records(), scenario.rate) as feeder:
            while feeder.fed < scenario.seconds * scenario.rate:
                reader.take(0.5)
        beats = AFTER // BEAT if scenario.live else 1
        for _ in range(beats):
            feed(cluster.kafka, topics.events, _beats(made))
            reader.take(BEAT)
        reader.take(15)
        # What is a month old is dropped, because it can't be told from a duplicate any more.
        counters = status(FlinkRest(cluster.flink), job.id).counters
        counted = counters.get("accepted", 0) + counters.get("dropped_too_late", 0)
    late = _late(topics.url(audit))
    missing = made.sent + made.odd + beats * made.topics.partitions - counted
    after, ticks, of = _settled(reader, made)
    return Outcome(made.sent, late, missing, after, ticks, of)


def _beats(made: _Feed) -> Iterator[Record]:
    """A heartbeat for every partition, ahead of all events but for producers far ahead."""
    latest = made.reached[-1][1]
    at = int(time.time() * 1000) + BEYOND // 1000 if made.scenario.live else latest // 1000 + DAY_MS
    occurred = at * 1000 if made.scenario.live else latest
    for partition in range(made.topics.partitions):
        beat = {"event_id": f"beat-{at}-{partition}", "name": "heartbeat", "occurred_at": occurred}
        yield Record(partition, None, json.dumps(beat).encode(), at, 0)


def _late(audit: str) -> int:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        tail(TailOptions.parse(source=audit, jsonl=str(path), until_idle="2s"), None, [].append)
        told = map(json.loads, path.read_text().splitlines())
        return len({record["audit_id"] for record in told if record["event_name"] == "click"})


def _settled(reader: Reader, made: _Feed) -> tuple[float | None, int, int]:
    first: dict[int, float] = {}
    for read in reader.changes:
        if read.change["stage"] != "EARLY":
            first.setdefault(read.change["effective_at"], read.at)
    times = [time for _, time in made.reached]
    begin, end = made.reached[0][1], made.reached[-1][1]
    due = range(begin // MINUTE * MINUTE + MINUTE, end - ALLOWED + 1, MINUTE)
    waited = []
    for tick in due:
        passed = made.reached[bisect_left(times, tick + ALLOWED)][0]
        # What settles after the feed is over was settled by the heartbeats at the end.
        if tick in first and first[tick] < made.reached[-1][0] + 10:
            waited.append(first[tick] - passed)
    return median(waited) if waited else None, len(waited), len(due)


SCENARIOS: Final = (
    Scenario("well-behaved, log", live=False),
    Scenario("well-behaved, live", live=True, seconds=150),
    Scenario("59 min ahead, log", live=False, shift=59 * MINUTE, odd_rate=1),
    Scenario("20 min ahead, live", live=True, seconds=150, shift=20 * MINUTE, odd_rate=1),
    Scenario(
        "30 days behind every 10 s, live",
        live=True,
        seconds=150,
        partitions=3,
        shift=-30 * 24 * 60 * MINUTE,
        odd_rate=0.1,
        odd_partition=2,
        odd_after=75,
    ),
    Scenario(
        "30 days behind every second, live",
        live=True,
        seconds=200,
        partitions=3,
        shift=-30 * 24 * 60 * MINUTE,
        odd_rate=1,
        odd_partition=2,
        odd_after=75,
    ),
    Scenario("a partition falls silent, log", live=False, then="silent"),
    Scenario("an empty partition, log", live=False, partitions=3),
    Scenario("a partition is added, log", live=False, then="added"),
)
