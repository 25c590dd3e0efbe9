"""What the tests of this folder see of the stack that all live tests share."""

import uuid
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from deploy.local import Stack
from tests.flink.cluster import Cluster
from tests.flink.topics import Topics

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before the tiers are sorted out, and before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test of this folder; one worker runs them all, since a second stack would take the machine's rest."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flink)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("flink"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows how the stack's logs end where a test on it fails."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("stack")
    if call.when == "call" and report.failed and isinstance(cluster, Cluster):
        report.sections += list(cluster.log_ends())
    return report


@pytest.fixture(scope="session")
def stack(local_stack: Stack) -> Cluster:
    """A Kafka broker, a Flink session cluster, a job server and an expansion service on loopback."""
    return Cluster(local_stack)


@pytest.fixture
def topic(stack: Cluster) -> str:
    """The address of a topic that is not there yet."""
    return f"kafka://{stack.kafka}/d{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_topics(stack: Cluster) -> Callable[..., Topics]:
    """Makes topics for one run, with names of their own; ``partitions`` is how many the events have."""

    def make(partitions: int = 3) -> Topics:
        return Topics.create(stack.kafka, f"t{uuid.uuid4().hex[:8]}", partitions)

    return make
