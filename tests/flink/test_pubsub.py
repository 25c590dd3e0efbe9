"""From Pub/Sub through Flink to Pub/Sub: exact, whatever happens to messages, connections and processes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.pubsub_emulator.running import HOST
from tests.acceptance.comparing import Settled
from tests.flink.cluster import Cluster
from tests.flink.jobs import Job, submit
from tests.flink.judging import expected_of
from tests.flink.logs import Log, simulate
from tests.pubsub.live import Ends, go_through
from tests.pubsub.project import Project
from tests.pubsub.proxy import Proxy
from tests.seeds import seeds

pytestmark = pytest.mark.pubsub

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
Told = Callable[[str, object], None]


@contextmanager
def running(stack: Cluster, ends: Ends, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job whose workers reach Pub/Sub by the proxy; it is cancelled when the block is left."""
    with monkeypatch.context() as patch:
        patch.setenv(HOST, proxy.host)
        job = submit(stack, ends.arguments(RULES, "--runner", "flink"))
    try:
        yield job
    finally:
        job.cancel()


def logged(folder: Path, most: int, seed: int) -> tuple[Log, list[Settled]]:
    log = simulate(folder / "events.jsonl", users=most // 6, days=2, seed=seed, most=most)
    assert len(log.lines) == most
    return log, expected_of(RULES, log)


def test_changes_are_exact_whatever_happens_to_messages(
    stack: Cluster, pubsub: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record_property: Told
) -> None:
    log, expected = logged(tmp_path, 50_000, 12)
    ends = Ends.make(pubsub)
    with Proxy(os.environ[HOST]) as proxy, running(stack, ends, proxy, monkeypatch):
        told = go_through(ends, proxy, log, expected)
    for name, value in told.items():
        record_property(name, value)


@seeds(1, 2)
def test_task_manager_killed_between_work_and_finalization(
    stack: Cluster, pubsub: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int, record_property: Told
) -> None:
    """Killed at any moment it has messages that were worked on since the last checkpoint: those come again."""
    log, expected = logged(tmp_path, 20_000, seed)
    ends = Ends.make(pubsub)

    def strike() -> None:
        stack.kill("taskmanager")
        stack.start("taskmanager")

    with Proxy(os.environ[HOST]) as proxy, running(stack, ends, proxy, monkeypatch):
        told = go_through(ends, proxy, log, expected, strike)
    for name, value in told.items():
        record_property(name, value)
