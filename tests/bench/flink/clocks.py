"""``python -m tests.bench.flink.clocks [NAME ...]``: what wrong clocks do to a job, a line for each scenario."""

import os
import sys
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local import Stack
from tests.acceptance.running import ENVIRONMENT
from tests.flink.clocks import SCENARIOS, Outcome, measure
from tests.flink.cluster import Cluster
from tests.flink.topics import Topics


def main(names: list[str]) -> None:
    """Run the scenarios whose names hold one of these words, or all, on a stack of their own."""
    os.environ.update(ENVIRONMENT)
    chosen = [each for each in SCENARIOS if not names or any(name in each.name for name in names)]
    with TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            stack.up(jobmanager_memory="1100m")
            cluster = Cluster(stack)
            for scenario in chosen:
                topics = Topics.create(cluster.kafka, f"c{uuid.uuid4().hex[:8]}", scenario.partitions)
                print(line(scenario.name, measure(cluster, topics, scenario)), flush=True)
        finally:
            stack.down()


def line(name: str, found: Outcome) -> str:
    """A row of a table."""
    after = "never" if found.settled_after is None else f"{found.settled_after:.1f} s"
    late = f"{found.late:,} of {found.sent:,}"
    return f"| {name} | {late} | {found.missing:,} | {after} | {found.ticks} of {found.of} |"


if __name__ == "__main__":
    main(sys.argv[1:])
