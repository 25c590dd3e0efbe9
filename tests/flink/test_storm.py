"""A hundred thousand deadlines in one minute: each settles once and soon, and others' early changes come meanwhile."""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.io.kafka.address import KafkaAddress
from pipeline.runners.flink.lag import kafka_lag
from segmentation.identity.pseudonyms import Pseudonymizer, subject_ids
from segmentation.units import HOUR, MINUTE, SECOND
from tests.acceptance.driving import KEYS
from tests.acceptance.running import write_log
from tests.flink.cluster import Cluster, poll
from tests.flink.feeding import Feeder, feed
from tests.flink.jobs import arguments_of, running
from tests.flink.logs import Record, partition_of, records, whole
from tests.flink.reading import Read, Reader
from tests.flink.stalls import Stalls
from tests.flink.topics import Topics

RULES = Path(__file__).parent / "rules" / "storm.yaml"
USED = 2
STORM = 100_000
#: The tick that finds them all overdue, µs.
TICK = 1_767_225_600 * SECOND + 48 * HOUR
DISORDER = 2 * SECOND
#: Clicks a second of others, each by a user of its own, while the tick comes, passes, and is settled.
RATE = 100
#: Seconds in which all of it is to be settled, and others' early changes to come.
LIMIT = 5.0
#: Seconds of theirs before the tick, in which Java compiles what a job has just begun to run, and after it.
BEFORE, AFTER = 20, 12
CLICKS = (BEFORE + AFTER) * RATE


def click(number: int) -> dict[str, Any]:
    at = TICK - BEFORE * SECOND + number * SECOND // RATE
    return {"event_id": f"c{number}", "user_id": f"other{number}", "name": "feature_click", "occurred_at": at}


def sign_up(number: int) -> dict[str, Any]:
    at = TICK - 24 * HOUR - MINUTE + number * MINUTE // STORM
    return {"event_id": f"s{number}", "user_id": f"new{number}", "name": "signup", "occurred_at": at}


@pytest.mark.parametrize("parallelism", [1, 2])
def test_deadlines_of_one_minute(
    stack: Cluster,
    make_topics: Callable[..., Topics],
    tmp_path: Path,
    parallelism: int,
    record_property: Callable[[str, object], None],
) -> None:
    topics = make_topics(USED)
    before = whole(write_log(tmp_path / "storm.jsonl", map(sign_up, range(STORM))))
    others = whole(write_log(tmp_path / "others.jsonl", map(click, range(CLICKS))))
    sent: list[float] = []

    def noted() -> Iterator[Record]:
        for record in records(others, USED):
            sent.append(time.time())
            yield record

    arguments = arguments_of(RULES, topics, "--parallelism", parallelism, query="idle=10m")
    arguments[arguments.index("--max-disorder") + 1] = "2s"
    with running(stack, arguments), Reader(stack.kafka, topics.changes) as reader, Stalls() as stalls:
        feed(stack.kafka, topics.events, records(before, USED, 100))
        # The first of the sign-ups come while the workers are still starting: the storm is later than that.
        events = KafkaAddress.parse(topics.url(topics.events), "--events")
        poll("the sign-ups to be taken in", lambda: True if sum(kafka_lag(events).values()) == 0 else None, 120)
        with Feeder(stack.kafka, topics.events, noted(), RATE):
            # Nothing is decoded meanwhile, so that reading takes its place among the producers' times as it happens.
            reader.take_until("all changes", lambda: reader.count >= STORM + CLICKS + BEFORE * RATE, 90)
        changes = reader.changes
    overdue = [read.at for read in changes if read.change["segment"] == "overdue"]
    assert len(overdue) == STORM
    passed = passing(sent)
    stood_still = stalls.between(passed, max(overdue))
    settled_in = max(overdue) - passed - stood_still
    waited = early_latencies(changes, sent)
    meanwhile = waited[(BEFORE + 1) * RATE : (BEFORE + 8) * RATE]
    first, half = min(overdue) - passed, statistics.median(overdue) - passed
    told = f"the first {first:.2f} s after the watermark, half of them after {half:.2f} s, all after {settled_in:.2f} s"
    record_property(f"{STORM} deadlines, parallelism {parallelism}", told)
    record_property("early changes of others meanwhile", percentiles(meanwhile))
    assert settled_in <= LIMIT, told
    assert max(meanwhile) - stood_still <= LIMIT, percentiles(meanwhile)


def passing(sent: list[float]) -> float:
    """When the watermark passed the tick and the disorder: the last partition brought a later time."""
    later = [number for number in range(CLICKS) if click(number)["occurred_at"] >= TICK + DISORDER]
    first = {partition_of(click(number)["user_id"].encode(), USED): sent[number] for number in reversed(later)}
    return max(first.values())


def early_latencies(changes: list[Read], sent: list[float]) -> list[float]:
    """Seconds from sending a click to reading its early change, by click."""
    subjects = subject_ids(KEYS.publish, Pseudonymizer(KEYS).internals([f"other{n}" for n in range(CLICKS)]))
    came = {read.change["subject_id"]: read.at for read in changes if read.change["stage"] == "EARLY"}
    return [came[subject] - at for subject, at in zip(subjects, sent, strict=True)]


def percentiles(seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, at most {max(seconds):.2f} s"
