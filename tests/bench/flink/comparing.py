"""Runs the programs in turns and sets their rates against each other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.flink.job import RunError, running
from tests.bench.flink.live import wall_clock
from tests.bench.flink.programs import DATASTREAM, NAIVE, SQL, Program
from tests.bench.flink.submit import Bench, Read, SubmitError
from tests.bench.flink.throughput import Run, drain
from tests.bench.flink.topics import delete_topic, load

_PEERS = (NAIVE, DATASTREAM, SQL)
#: Seconds.
_WARM_UP: Final = 30


@dataclass(frozen=True)
class Result:
    """What the runs of one program came to: medians."""

    name: str
    what: str
    parallelism: int
    #: Events a second; 0 where no run succeeded.
    rate: float
    #: CPU microseconds an event, of the TaskManager's JVM and of the Python workers.
    jvm_micros: float
    worker_micros: float
    #: Seconds from the submission to the first complete checkpoint with events in it.
    start: float
    runs: tuple[Run, ...]
    #: The last failure; empty without one.
    failure: str


def compare(
    bench: Bench,
    log: Path,
    events: int,
    programs: Sequence[Program],
    parallelisms: Sequence[int],
    limit: float,
    repeat: int,
) -> list[Result]:
    """Measures every program at every parallelism, in turns, so that what else happens meets all of them.

    Args:
        bench: the running stack.
        log: what all of them read.
        events: how many it has.
        programs: to measure.
        parallelisms: of the jobs.
        limit: seconds of a run at most.
        repeat: runs of each.
    """
    tag = wall_clock()
    topics = {batch: f"bench-{tag}-by-{batch}" for batch in sorted({program.batch for program in programs})}
    pairs = [(program, parallelism) for parallelism in parallelisms for program in programs]
    runs: dict[tuple[str, int], list[Run]] = {(program.name, parallelism): [] for program, parallelism in pairs}
    failures = dict.fromkeys(runs, "")
    try:
        for batch, topic in topics.items():
            load(log, bench.addresses.kafka, topic, batch)
        _warm_up(bench, *pairs[0], topics[pairs[0][0].batch])
        for turn in range(repeat):
            for program, parallelism in pairs:
                name = f"bench-{program.name}-{parallelism}-{tag}-{turn}"
                read = Read(topics[program.batch], name, parallelism, name)
                try:
                    run = _once(bench, program, read, limit, events)
                except (RunError, SubmitError) as error:
                    failures[program.name, parallelism] = str(error)
                    print(f"  {program.name} at {parallelism}: {error}", flush=True)
                else:
                    runs[program.name, parallelism].append(run)
                    print(f"  {program.name} at {parallelism}: {run.rate:,.0f} events/s", flush=True)
    finally:
        for topic in topics.values():
            delete_topic(bench.addresses.kafka, topic)
    return [
        _summarised(program, parallelism, runs[program.name, parallelism], failures[program.name, parallelism])
        for program, parallelism in pairs
    ]


def _warm_up(bench: Bench, program: Program, parallelism: int, topic: str) -> None:
    """A run that does not count: the cluster's own code is compiled in its first minute of work."""
    name = f"bench-warm-up-{wall_clock()}"
    with running(bench, Read(topic, name, parallelism, name), program.submit) as job:
        job.await_running()
        time.sleep(_WARM_UP)


def _once(bench: Bench, program: Program, read: Read, limit: float, events: int) -> Run:
    with running(bench, read, program.submit) as job:
        return drain(job, limit, events)


def _summarised(program: Program, parallelism: int, runs: Sequence[Run], failure: str) -> Result:
    def middle(name: str) -> float:
        return median(getattr(run, name) for run in runs) if runs else 0.0

    numbers = (middle("rate"), middle("jvm_micros"), middle("worker_micros"), middle("start"))
    return Result(program.name, program.what, parallelism, *numbers, tuple(runs), failure)


def report(results: Sequence[Result]) -> str:
    """The table that people read; µs are CPU time an event, and x PEER says how many times as fast as it."""
    rates = {(result.name, result.parallelism): result.rate for result in results}
    heads = "".join(f"{'x ' + name:>14}" for name in _PEERS)
    lines = [f"{'':22}{'parallel':>9}{'events/s':>11}{'JVM µs':>8}{'Python µs':>11}{'start s':>9}{heads}"]
    for each in results:
        ratios = "".join(_ratio(each.rate, rates.get((name, each.parallelism), 0.0)) for name in _PEERS)
        lines.append(
            f"{each.name:22}{each.parallelism:>9}{each.rate:>11,.0f}{each.jvm_micros:>8,.1f}{each.worker_micros:>11,.1f}"
            f"{each.start:>9.1f}{ratios}{'   ' + each.failure.splitlines()[0] if each.failure else ''}"
        )
    return "\n".join(lines)


def _ratio(rate: float, other: float) -> str:
    return f"{rate / other:>14,.1f}" if other else f"{'-':>14}"
