"""`--hour`: traffic at the pace of the clock, early changes, and a worker that is killed now and then."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from deploy.local import Stack
from deploy.local.processes import children
from segmentation.units import MINUTE, SECOND, next_tick
from tests.background import Background
from tests.bench.flink.job import RunError
from tests.bench.flink.live import wall_clock
from tests.bench.flink.submit import Bench
from tests.bench.flink.year import runs, summary
from tests.bench.flink.year.chart import chart
from tests.bench.flink.year.events import block_of
from tests.bench.flink.year.feeding import Feeder
from tests.bench.flink.year.plan import BLOCKS, Plan, hour
from tests.bench.flink.year.records import sendings
from tests.bench.flink.year.sampling import Sample
from tests.bench.flink.year.week import ending

Floats = npt.NDArray[np.float64]

#: Seconds between the call and the first event, in which the job starts; and those before the end without a kill.
_START: Final = 90
_LAST: Final = 120
#: Seconds around a kill that are told apart.
_AROUND: Final = 60.0


@dataclass
class Latencies:
    """When each event was sent, and when its first early change was read; seconds of the epoch, by event number."""

    plan: Plan
    sent: Floats = field(init=False)
    read: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.sent, self.read = np.full(self.plan.events, np.nan), np.full(self.plan.events, np.nan)
        # No two events have the same time: by its time a change names its event.
        self._times = np.concatenate([block_of(self.plan, each).time for each in range(self.plan.ticks * BLOCKS)])

    def note(self, change: dict[str, Any], at: float) -> None:
        """Takes in a change that was read at a time."""
        if change["stage"] == "EARLY":
            place = int(np.searchsorted(self._times, change["effective_at"]))
            if place < len(self._times) and self._times[place] == change["effective_at"] and np.isnan(self.read[place]):
                self.read[place] = at

    def between(self, since: float, until: float) -> Floats:
        """The latencies of events that were sent in a span of time and had an early change."""
        chosen = (self.sent >= since) & (self.sent < until) & ~np.isnan(self.read)
        return self.read[chosen] - self.sent[chosen]

    def first_after(self, moment: float) -> float | None:
        """When the first early change of an event that was sent after a moment was read."""
        read = self.read[(self.sent > moment) & ~np.isnan(self.read)]
        return float(read.min()) if len(read) else None


@dataclass
class Outcome(runs.Outcome):
    """Also, when the worker was killed (seconds of the epoch), and what it had in memory then (bytes)."""

    kills: list[tuple[float, int]] = field(default_factory=list)
    latencies: Latencies | None = None


def long_hour(
    bench: Bench,
    minutes: int,
    rate: float,
    kill_every: float,
    setting: runs.Setting,
    folder: Path,
    say: Callable[[str], None],
) -> Outcome:
    """Runs live traffic through a job; as `week.long_week`. ``rate`` is events a second, ``kill_every`` minutes."""
    begin = next_tick(wall_clock() + _START * SECOND, MINUTE)
    plan = hour(minutes, rate, begin)
    outcome = Outcome(plan, folder)
    outcome.latencies = latencies = Latencies(plan)
    try:
        with runs.started(bench, plan, setting, folder) as live:
            outcome.samples = live.sampler.samples
            if wall_clock() > begin:
                raise RunError(f"the job took longer than {_START} s to start")
            reader = runs.ChangeReader(live, runs.judge_of(plan))
            try:
                with _Reading(reader, latencies) as reading:
                    _feed(live, latencies, outcome, kill_every, say)
                    live.finish()
                    reading.check()
                say("all events are behind the job; its changes are compared")
                reader.take_all()
                outcome.verdict, outcome.early = reader.came.verdict(), reader.came.early
            finally:
                reader.close()
    except runs.ENDS as error:
        outcome.failure = runs.failure_of(error)
    return outcome


class _Reading(Background):
    """Reads changes as they come, on a thread of its own."""

    def __init__(self, reader: runs.ChangeReader, latencies: Latencies) -> None:
        super().__init__()
        self._reader, self._latencies = reader, latencies

    def _work(self) -> None:
        while not self._stop.is_set():
            changes = self._reader.take(0.02)
            now = time.time()
            for change in changes:
                self._latencies.note(change, now)


def _feed(
    live: runs.Live, latencies: Latencies, outcome: Outcome, kill_every: float, say: Callable[[str], None]
) -> None:
    plan, kafka = live.plan, live.job.bench.addresses.kafka
    end = plan.end / SECOND
    due = [plan.start / SECOND + number * kill_every * 60 for number in range(1, 10_000)]
    due = [moment for moment in due if moment < end - _LAST]
    with Feeder(kafka, live.job.read.topic, sendings(plan, 1), live.sent, noted=latencies.sent) as feeder:

        def over() -> bool:
            feeder.check()
            if due and time.time() >= due[0]:
                del due[0]
                outcome.kills.append((time.time(), live.job.usage().worker_memory))
                say(f"killed {_kill_workers(live.job.bench.stack)}")
            return feeder.over

        live.wait_for("the feed", over)


def _kill_workers(stack: Path) -> list[int]:
    """``kill -9`` for the Python workers of the TaskManager; their process ids."""
    pid = Stack(stack).pid("taskmanager")
    found = [] if pid is None else children(pid)
    for worker in found:
        os.kill(worker, signal.SIGKILL)
    return found


def report(outcome: Outcome) -> str:
    """The numbers for people; the picture is written beside the samples."""
    plan, samples = outcome.plan, outcome.samples
    title = (
        f"{plan.events:,} events of {plan.users:,} users at {plan.stretches[0].rate:g} a second, {plan.ticks} minutes"
    )
    begin = plan.start / SECOND
    marks = [(at - begin) / 60 for at, _ in outcome.kills]
    picture = chart(title, samples, lambda each: (each.clock - begin) / 60, "minutes", marks)
    (outcome.folder / "samples.svg").write_text(picture, encoding="utf-8")
    half = [each for each in samples if (begin + plan.end / SECOND) / 2 <= each.clock <= plan.end / SECOND]
    lines = [title]
    if outcome.latencies is not None:
        lines.append(latency_table(outcome.latencies, outcome.kills, samples))
    lines.append(summary.trend_table(summary.trends(half, "clock"), "second half"))
    if len(half) > 1 and half[-1].done > half[0].done:
        ids = half[-1].done - half[0].done
        lines.append(
            f"  {ids:,} further ids are remembered in it (24 h long): "
            f"{(half[-1].checkpoint_bytes - half[0].checkpoint_bytes) / ids:+.1f} bytes of checkpoint, "
            f"{(half[-1].state_disk - half[0].state_disk) / ids:+.1f} of disk, "
            f"{(half[-1].worker_memory - half[0].worker_memory) / ids:+.1f} of the worker's memory for each"
        )
    return "\n".join([*lines, *ending(outcome)])


def numbers(outcome: Outcome) -> dict[str, Any]:
    """The same for programs."""
    found, kills = outcome.latencies, outcome.kills
    return {
        "good": outcome.good,
        "failure": outcome.failure,
        "verdict": None if outcome.verdict is None else asdict(outcome.verdict),
        "kills": [] if found is None else [_kill_numbers(found, *kill) for kill in kills],
    }


def _kill_numbers(found: Latencies, at: float, memory: int) -> dict[str, float | None]:
    first, meanwhile = found.first_after(at), found.between(at - 5, at + _AROUND)
    return {
        "at": at,
        "worker_memory": memory,
        "recovered_after": None if first is None else first - at,
        "most": float(meanwhile.max()) if len(meanwhile) else None,
    }


def latency_table(found: Latencies, kills: Sequence[tuple[float, int]], samples: Sequence[Sample]) -> str:
    """Seconds from sending an event to reading its early change: all in all, and around each kill."""
    begin, end = found.plan.start / SECOND, found.plan.end / SECOND + _AROUND
    lines = [f"early changes, seconds: all {_cuts(found.between(begin, end))}"]
    for number, (at, memory) in enumerate(kills, start=1):
        first = found.first_after(at)
        complete = next((each for each in samples if each.checkpoint_triggered > at), None)
        done = None if complete is None else complete.checkpoint_triggered + complete.checkpoint_seconds
        lines.append(
            f"kill {number} at minute {(at - begin) / 60:.1f}, worker {memory / 1e6:.0f} MB: "
            f"before {_cuts(found.between(at - _AROUND, at - 5))}; at it {_cuts(found.between(at - 5, at + _AROUND))}; "
            f"after {_cuts(found.between(at + _AROUND, at + 2 * _AROUND))}; "
            f"first early change of a later event after {_seconds(first, at)}, checkpoint after {_seconds(done, at)}"
        )
    return "\n".join(lines)


def _seconds(moment: float | None, since: float) -> str:
    return "-" if moment is None else f"{moment - since:.1f} s"


def _cuts(values: Floats) -> str:
    if not len(values):
        return "none"
    p50, p99 = np.percentile(values, [50, 99])
    return f"p50 {p50:.2f} p99 {p99:.2f} most {values.max():.2f}"
