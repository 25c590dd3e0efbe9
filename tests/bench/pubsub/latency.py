"""From publishing an event to receiving its early change: ``python -m tests.bench.pubsub.latency prism|flink``.

On Flink it needs a running stack (``make stack-up``). Rules and events are those of `tests.bench.flink.latency`.
"""

import argparse
import json
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from deploy.local import default_folder
from deploy.local.layout import Addresses
from deploy.pubsub_emulator.building import build
from deploy.pubsub_emulator.running import HOST
from tests.bench.flink.latency import DISORDER, MICROS, RULES, USERS, latencies, noted
from tests.bench.flink.live import plan_changes, wall_clock
from tests.flink.cluster import poll
from tests.pubsub.emulator import attached
from tests.pubsub.feeding import Feeder, publish
from tests.pubsub.live import Ends
from tests.pubsub.project import Project
from tests.pubsub.reading import Reader
from tests.pubsub.running import running

#: Seconds of traffic before the measurement.
WARM_UP: Final = 45


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runner", choices=["prism", "flink"])
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--seconds", type=int, default=60, help="of traffic, after the warm-up")
    arguments = parser.parse_args()
    with attached(build()) as host:
        os.environ[HOST] = host
        measure(arguments.runner, arguments.rate, arguments.seconds)


def measure(runner: str, rate: int, seconds: int) -> None:
    """Prints one line: seconds from publishing to receiving."""
    project = Project()
    ends = Ends.make(project)
    options = ["--max-disorder", f"{DISORDER}s", "--runner", runner]
    with (
        tempfile.TemporaryDirectory() as folder,
        started(ends.arguments(RULES, *options), runner, Path(folder)),
        Reader(project, "changes") as reader,
    ):

        def is_there() -> bool | None:
            publish(project, "events", islice(plan_changes(USERS, 1, wall_clock, 1), 1))
            return True if reader.count else None

        # What waits for the run at its start is no part of the measurement.
        poll("the first change", is_there, 120, 1)
        times: set[int] = set()
        events = noted(plan_changes(USERS, WARM_UP + seconds, wall_clock, 1), times)
        begin = wall_clock() + WARM_UP * MICROS
        with Feeder(project, "events", events, rate, batch=max(1, rate // 50)):
            pass
        reader.take_rest()
        span = range(begin, begin + seconds * MICROS)
        found = latencies(reader.changes, times, span, rate=rate, parallelism=1)
    print(
        f"{runner}, {rate} events/s: {found.changes:,} early changes, p50 {found.p50:.2f} s, p90 {found.p90:.2f} s, "
        f"p99 {found.p99:.2f} s, most {found.most:.2f} s"
    )


@contextmanager
def started(arguments: list[str], runner: str, folder: Path) -> Iterator[None]:
    """A run that goes on until the block is left."""
    environment = {HOST: os.environ[HOST]}
    log = folder / "run.log"
    with ExitStack() as stack:
        if runner == "prism":
            stack.enter_context(running(arguments, environment, log))
        else:
            environment["SEGMENTS_STACK"] = str(default_folder())
            stack.enter_context(running(arguments, environment, log))
            stack.callback(cancel_all, Addresses.read(default_folder()).flink)
        yield


def cancel_all(flink: str) -> None:
    """End the jobs of the stack, which are ours."""
    with urllib.request.urlopen(f"{flink}/jobs/overview", timeout=10) as answer:
        jobs = json.load(answer)["jobs"]
    for job in jobs:
        if job["state"] == "RUNNING":
            request = urllib.request.Request(f"{flink}/jobs/{job['jid']}?mode=cancel", method="PATCH")
            urllib.request.urlopen(request, timeout=10).close()


if __name__ == "__main__":
    main()
