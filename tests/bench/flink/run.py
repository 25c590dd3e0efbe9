"""`make bench-flink`: this project and its peers on a local stack, each reading the same log from a topic.

A run is measured from the first position that a job commits to the last before the end of its topic (or, for a slow
one, until its time is over): start-up does not count. The cluster, the broker and all workers share this machine.
The numbers inform; only a program that fails, or settled changes that are not exact, make the exit code 1.

Run: python -m tests.bench.flink.run [--events N] [--peers NAME …] [--latency] [--growth] [--soak MINUTES] [--year] …
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.local import Stack, StackError
from pipeline.traffic.zipf import zipf_events
from tests.bench.flink import latency, states
from tests.bench.flink.comparing import Result, compare, report
from tests.bench.flink.job import RunError
from tests.bench.flink.programs import PROGRAMS, available
from tests.bench.flink.submit import Bench, SubmitError
from tests.bench.flink.year import options as long_runs
from tests.bench.peers import ROOT

USERS = 100_000
SEED = 1
#: Of the log whose checkpoints are watched.
GROWTH_USERS, GROWTH_DAYS, GROWTH_EVENTS = 10_000, 14, 4_000_000


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="make bench-flink", description="Measure this project and peers on Flink.")
    found.add_argument("--events", type=int, default=4_000_000, help="events of the log (4000000)")
    found.add_argument("--days", type=int, default=1, help="days that they take; an hour ends that often (1)")
    names = [program.name for program in PROGRAMS]
    found.add_argument("--peers", nargs="+", choices=names, metavar="NAME", help=f"these only, of {', '.join(names)}")
    found.add_argument("--parallelism", type=int, nargs="+", default=[1, 2], help="of every job (1 2)")
    found.add_argument("--limit", type=float, default=60, help="seconds of a run at most (60)")
    found.add_argument("--repeat", type=int, default=3, help="runs of each job (3)")
    found.add_argument("--throughput", action="store_true", help="measure throughput; so does naming no other")
    found.add_argument("--latency", action="store_true", help="measure early changes of live traffic")
    found.add_argument("--rate", type=int, default=1_000, help="live events a second (1000)")
    found.add_argument("--seconds", type=int, default=60, help="of live traffic that are measured (60)")
    found.add_argument("--growth", action="store_true", help="watch checkpoints over 4,000,000 events")
    found.add_argument("--soak", type=float, metavar="MINUTES", help="watch memory and state over so long a time")
    long_runs.add_options(found)
    found.add_argument("--json", type=Path, default=ROOT / "build" / "bench-flink.json", help="where the numbers go")
    return found


@contextmanager
def running_stack(folder: Path) -> Iterator[Bench]:
    """The local stack as it runs; one that has to be started is taken down afterwards."""
    stack = Stack()
    ran = any(part.state == "up" for part in stack.status())
    addresses = stack.up()
    try:
        yield Bench(addresses, stack.folder, folder)
    finally:
        if not ran:
            stack.down()


def measure(bench: Bench, chosen: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for, printed as it comes; the numbers by kind."""
    found: dict[str, Any] = {}
    if chosen.throughput or not (chosen.latency or chosen.growth or chosen.soak or long_runs.wanted(chosen)):
        results = throughput(bench, chosen)
        print(f"\n{report(results)}\n", flush=True)
        found["throughput"] = [asdict(result) for result in results]
    if chosen.latency:
        latencies = [
            latency.measure_latency(bench, chosen.rate, chosen.seconds, parallelism)
            for parallelism in chosen.parallelism
        ]
        print(f"{latency.report(latencies)}\n", flush=True)
        found["latency"] = [asdict(each) for each in latencies]
    if chosen.growth:
        log = bench.folder / "growth.jsonl"
        zipf_events(GROWTH_EVENTS, GROWTH_USERS, GROWTH_DAYS, SEED, str(log))
        moments = states.checkpoint_growth(bench, log, GROWTH_EVENTS)
        title = f"{GROWTH_USERS:,} users, {GROWTH_DAYS} days at {states.GROWTH_RATE:,} events/s; sizes in MB"
        print(f"{states.report(title, moments)}\n", flush=True)
        found["growth"] = [asdict(moment) for moment in moments]
    if chosen.soak:
        moments = states.soak(bench, chosen.soak, chosen.rate)
        title = f"{states.SOAK_USERS:,} users, {chosen.rate:,} events/s, {states.SOAK_SPEED} times as fast; sizes in MB"
        print(f"{states.report(title, moments, rows=30)}\n", flush=True)
        found["soak"] = [asdict(moment) for moment in moments]
    found |= long_runs.measure(bench, chosen)
    return found


def throughput(bench: Bench, chosen: argparse.Namespace) -> list[Result]:
    """The programs at every parallelism, in turns."""
    log = bench.folder / f"zipf-{chosen.events}-{chosen.days}.jsonl"
    zipf_events(chosen.events, USERS, chosen.days, SEED, str(log))
    programs = available(chosen.peers)
    return compare(bench, log, chosen.events, programs, chosen.parallelism, chosen.limit, chosen.repeat)


def main() -> int:
    """Measures, prints tables and writes the numbers as JSON; exit code 1 where something failed."""
    chosen = parser().parse_args()
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # jobs and topics go before this program does
    folder = ROOT / "build" / "bench-flink"
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()}
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f} before, {time.strftime('%Y-%m-%d %H:%M')}", flush=True
    )
    if long_runs.wanted(chosen):
        long_runs.prepare()
    try:
        with running_stack(folder) as bench:
            found = measure(bench, chosen)
    except (StackError, SubmitError, RunError) as error:
        print(f"bench-flink: {error}", file=sys.stderr)
        return 1
    chosen.json.write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n", encoding="utf-8")
    failed = any(result["failure"] for result in found.get("throughput", ()))
    return 1 if failed or not all(found[name]["good"] for name in ("year", "hour") if name in found) else 0


if __name__ == "__main__":
    sys.exit(main())
