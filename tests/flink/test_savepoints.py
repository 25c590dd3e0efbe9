"""Stopped with a savepoint and resumed: exact with another parallelism, refused where the state does not fit."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.comparing import Settled
from tests.flink.cluster import Cluster, poll
from tests.flink.feeding import Feeder, feed
from tests.flink.jobs import arguments_of, running, segments
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


def test_another_shard_count_is_refused(
    stack: Cluster, make_topics: Callable[..., Topics], log: Log, tmp_path: Path
) -> None:
    topics = make_topics(USED)
    savepoint = savepoint_of(stack, topics, log)
    arguments = arguments_of(RULES, topics, "--shards", 5, "--from-savepoint", savepoint)
    told = told_of_failure(stack, topics, log, arguments)
    assert re.search(r"written with --shards 4, this job runs with --shards 5", told)


def test_older_layout_is_refused(
    stack: Cluster,
    make_topics: Callable[..., Topics],
    log: Log,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topics = make_topics(USED)
    with monkeypatch.context() as patch:
        # Workers inherit the TaskManager's environment, so that these write what an older version would have written.
        (tmp_path / "sitecustomize.py").write_text(OLDER_LAYOUT, encoding="utf-8")
        patch.setenv("PYTHONPATH", str(tmp_path))
        restart_task_manager(stack)
        savepoint = savepoint_of(stack, topics, log)
    restart_task_manager(stack)
    arguments = arguments_of(RULES, topics, "--shards", 4, "--from-savepoint", savepoint)
    told = told_of_failure(stack, topics, log, arguments)
    assert re.search(r"this state has layout 0; this version reads layout \d+", told)


OLDER_LAYOUT = """
import transforms.state.shard_state
transforms.state.shard_state.LAYOUT = 0
"""


def restart_task_manager(stack: Cluster) -> None:
    stack.kill("taskmanager")
    stack.start("taskmanager")


def savepoint_of(stack: Cluster, topics: Topics, log: Log) -> Path:
    """A savepoint that holds the state of four shards that have taken in the whole log."""
    with (
        running(stack, arguments_of(RULES, topics, "--shards", 4)) as job,
        Reader(stack.kafka, topics.changes) as reader,
    ):
        feed(stack.kafka, topics.events, records(log, USED))
        reader.take_until("any settled change", lambda: bool(reader.settled_ids), 60)
        return job.stop_with_savepoint()


def told_of_failure(stack: Cluster, topics: Topics, log: Log, arguments: list[str]) -> str:
    """What `segments status` says of a job that can't go on."""
    with running(stack, arguments) as job:
        feed(stack.kafka, topics.events, finish(log, USED))

        def told() -> str | None:
            said = segments(stack, "status", "--job", job.id)
            return said.out + said.err if "ShardStateError" in said.out + said.err else None

        return poll("the reason of the failure", told, 60, 1)
