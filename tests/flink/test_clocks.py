"""A producer whose clock is wrong, and partitions that are added: the others' events stay on time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.flink.clocks import SCENARIOS, measure
from tests.flink.cluster import Cluster
from tests.flink.feeding import Feeder, feed
from tests.flink.jobs import arguments_of, running
from tests.flink.judging import assert_exact, expected_of
from tests.flink.logs import Log, Record, finish, records, simulate
from tests.flink.reading import Reader
from tests.flink.topics import Topics

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
RATE = 900.0


def test_a_producer_an_hour_ahead_costs_the_others_nothing(
    stack: Cluster, make_topics: Callable[..., Topics], record_property: Callable[[str, object], None]
) -> None:
    scenario = next(each for each in SCENARIOS if each.name == "59 min ahead, log")
    found = measure(stack, make_topics(scenario.partitions), scenario)
    record_property(scenario.name, found)
    assert (found.late, found.missing) == (0, 0)
    assert found.ticks >= found.of - 1


def slices(log: Log, *parts: tuple[float, int]) -> Iterator[Iterator[Record]]:
    """The log up to such a share of it, for so many partitions; then the next."""
    start = 0.0
    for end, partitions in parts:
        lines = log.lines[int(start * len(log.lines)) : int(end * len(log.lines))]
        yield records(replace(log, lines=lines), partitions)
        start = end


@pytest.mark.parametrize("parallelism", [1, 2])
def test_added_partitions_are_read_at_once_and_after_a_resume(
    stack: Cluster, make_topics: Callable[..., Topics], tmp_path: Path, parallelism: int
) -> None:
    log = simulate(tmp_path / "events.jsonl", users=200, days=7, seed=9)
    expected = expected_of(RULES, log)
    topics = make_topics(2)
    admin = AdminClient({"bootstrap.servers": stack.kafka})

    def grow(partitions: int) -> None:
        wanted = NewPartitions(topics.events, partitions)
        admin.create_partitions([wanted], operation_timeout=30)[topics.events].result(60)

    arguments = arguments_of(RULES, topics, "--shards", 4, "--parallelism", parallelism)
    two, three, five, rest = slices(log, (0.3, 2), (0.5, 3), (0.7, 5), (1.0, 5))
    with Reader(stack.kafka, topics.changes) as reader:
        with running(stack, arguments) as job:
            with Feeder(stack.kafka, topics.events, two, RATE):
                job.wait_for_checkpoint(seconds=180)
            grow(3)
            with Feeder(stack.kafka, topics.events, three, RATE):
                job.wait_for_checkpoint(seconds=180)
            savepoint = job.stop_with_savepoint()
        grow(5)
        feed(stack.kafka, topics.events, five)
        with running(stack, [*arguments, "--from-savepoint", str(savepoint)]) as job:
            feed(stack.kafka, topics.events, rest)
            feed(stack.kafka, topics.events, finish(log, 5))
            ids = {change.change_id for change in expected}
            reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, 180)
            job.cancel()
        reader.take_rest()
        assert_exact(reader.changes, expected)
