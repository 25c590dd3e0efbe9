"""From Kafka through Flink to Kafka: settled changes are those of the bounded run and of the oracle, ids included."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.comparing import Settled
from tests.flink.cluster import Cluster
from tests.flink.feeding import feed
from tests.flink.jobs import arguments_of, running
from tests.flink.judging import assert_all_told, assert_early_resolved, assert_exact, expected_of
from tests.flink.logs import Log, finish, records, simulate
from tests.flink.reading import Reader
from tests.flink.topics import Topics

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
#: Of the three partitions of the events, those that get any.
USED = 2


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """200,000 lines of seven days."""
    simulated = simulate(tmp_path_factory.mktemp("log") / "events.jsonl", users=9_000, days=7, seed=5, most=200_000)
    assert len(simulated.lines) == 200_000
    return simulated


@pytest.fixture(scope="module")
def expected(log: Log) -> list[Settled]:
    return expected_of(RULES, log)


@pytest.mark.parametrize(
    ("parallelism", "shards", "batch"), [(1, 8, 1), (2, 5, 100)], ids=["one-task", "two-tasks-batched"]
)
def test_live_changes_equal_the_bounded_run_and_the_oracle(
    stack: Cluster,
    make_topics: Callable[..., Topics],
    log: Log,
    expected: list[Settled],
    parallelism: int,
    shards: int,
    batch: int,
    record_property: Callable[[str, object], None],
) -> None:
    topics = make_topics(USED + 1)
    arguments = arguments_of(RULES, topics, "--parallelism", parallelism, "--shards", shards)
    ids = {change.change_id for change in expected}
    delivered = list(records(log, USED, batch))
    with running(stack, arguments) as job, Reader(stack.kafka, topics.changes) as reader:
        started = time.monotonic()
        feed(stack.kafka, topics.events, delivered)
        fed = time.monotonic() - started
        feed(stack.kafka, topics.events, finish(log, USED))
        reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, 300)
        done = time.monotonic() - started
        job.wait_for_checkpoint()
        job.cancel()
        reader.take_rest()
        assert_exact(reader.changes, expected)
        assert_all_told(topics, log)
        early = assert_early_resolved(reader.changes)
    record_property(
        f"{len(log.lines)} events in records of {batch}, parallelism {parallelism}, {shards} shards",
        f"fed in {fed:.1f} s, settled in {done:.1f} s; {len(ids)} settled changes, {early} early",
    )
