"""A live job goes on with another number of shards: savepoint, files, a new job; exact."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from tests.cli.commands import Outcome
from tests.flink.cluster import Cluster
from tests.flink.feeding import feed
from tests.flink.jobs import arguments_of, running, segments
from tests.flink.judging import assert_exact, expected_of
from tests.flink.logs import Record, finish, records, simulate
from tests.flink.reading import Reader
from tests.flink.topics import Topics

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
USED = 2
#: Seconds that something may take.
PATIENCE = 240
#: Ticks come so long after their events at the latest, µs: an hour, and the disorder that is waited for.
MARGIN = 3_630_000_000


def test_from_4_to_16_to_2_shards_is_exact(stack: Cluster, make_topics: Callable[..., Topics], tmp_path: Path) -> None:
    log = simulate(tmp_path / "events.jsonl", users=300, days=7, seed=4)
    expected = expected_of(RULES, log)
    ids = {change.change_id for change in expected}
    topics = make_topics(USED)
    parts = in_parts([*records(log, USED), *finish(log, USED)], 0.4, 0.7)

    def arguments(shards: int, parallelism: int, *more: object) -> list[str]:
        options = ("--shards", shards, "--parallelism", parallelism, *more)
        return arguments_of(RULES, topics, *options, query="idle=10m")

    def wait_for(fed: Sequence[Record]) -> None:
        """Until the job has caught up with what was fed: its shards stand at one tick."""
        until = min(max(each.timestamp for each in fed if each.partition == used) for used in range(USED))
        due = {change.change_id for change in expected if change.effective_at <= until * 1000 - MARGIN}
        reader.take_until(f"{len(due)} changes", lambda: reader.settled_ids >= due, PATIENCE)

    with Reader(stack.kafka, topics.changes) as reader:
        feed(stack.kafka, topics.events, parts[0])
        with running(stack, arguments(4, 1)) as job:
            wait_for(parts[0])
            savepoint = job.stop_with_savepoint()
        state = transfer(stack, savepoint, tmp_path / "16", 16)
        feed(stack.kafka, topics.events, parts[1])
        with running(stack, arguments(16, 2, "--from-state", state)) as job:
            wait_for(parts[1])
            savepoint = job.stop_with_savepoint()
        state = transfer(stack, savepoint, tmp_path / "2", 2)
        feed(stack.kafka, topics.events, parts[2])
        with running(stack, arguments(2, 2, "--from-state", state)) as job:
            reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, PATIENCE)
            job.cancel()
        reader.take_rest()
        assert_exact(reader.changes, expected)


def in_parts(fed: Sequence[Record], *shares: float) -> list[Sequence[Record]]:
    edges = [0, *(int(share * len(fed)) for share in shares), len(fed)]
    return [fed[start:end] for start, end in pairwise(edges)]


def transfer(stack: Cluster, savepoint: Path, folder: Path, shards: int) -> str:
    """``segments state export`` and ``segments state import``: the folder for ``--from-state``."""
    options = ("--to", folder / "out", "--parallelism", 2)
    exported = place_of(segments(stack, "state", "export", "--savepoint", savepoint, *options))
    places = ("--from", exported, "--to", folder / "in", "--shards", shards, "--rules", RULES)
    return place_of(segments(stack, "state", "import", *places, "--max-disorder", "30s"))


def place_of(done: Outcome) -> str:
    found = re.search(r"^STATE=(.+)$", done.out, re.MULTILINE)
    assert done.code == 0, f"{done.out}\n{done.err}"
    assert found is not None, f"{done.out}\n{done.err}"
    return found[1]
