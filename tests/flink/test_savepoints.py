"""Stopped with a savepoint and resumed: exact, with another parallelism too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.comparing import Settled
from tests.flink.cluster import Cluster
from tests.flink.feeding import Feeder, feed
from tests.flink.jobs import arguments_of, running
from tests.flink.judging import assert_exact, expected_of
from tests.flink.logs import Log, finish, records, simulate
from tests.flink.reading import Reader
from tests.flink.topics import Topics

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
USED = 2
RATE = 900.0


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return simulate(tmp_path_factory.mktemp("log") / "events.jsonl", users=300, days=7, seed=4)


@pytest.fixture(scope="module")
def expected(log: Log) -> list[Settled]:
    return expected_of(RULES, log)


def test_resumed_with_another_parallelism(
    stack: Cluster, make_topics: Callable[..., Topics], log: Log, expected: list[Settled]
) -> None:
    topics = make_topics(USED)
    arguments = arguments_of(RULES, topics, "--shards", 6, query="idle=10m")
    ids = {change.change_id for change in expected}
    with Reader(stack.kafka, topics.changes) as reader:
        with Feeder(stack.kafka, topics.events, records(log, USED), RATE) as feeder:
            with running(stack, [*arguments, "--parallelism", "1"]) as job:
                feeder.wait_for(0.3 * len(log.lines))
                first = job.stop_with_savepoint()
            with running(stack, [*arguments, "--parallelism", "2", "--from-savepoint", str(first)]) as job:
                feeder.wait_for(0.6 * len(log.lines))
                job.wait_for_checkpoint()
                second = job.stop_with_savepoint()
        feed(stack.kafka, topics.events, finish(log, USED))
        with running(stack, [*arguments, "--parallelism", "1", "--from-savepoint", str(second)]) as job:
            reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, 180)
            job.cancel()
        reader.take_rest()
        # Early changes between a savepoint and the end of its job are made again, perhaps in other batches.
        assert_exact(reader.changes, expected)
