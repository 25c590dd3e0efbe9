"""What the samples of a run say: how fast each day went, and whether anything grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

import numpy as np

from segmentation.units import DAY, SECOND
from tests.bench.flink.year.plan import Plan
from tests.bench.flink.year.sampling import Sample

#: Events that a run's first rate is taken over, or this share of all where that is less.
FIRST_EVENTS: Final = 1_000_000
_FIRST_SHARE: Final = 0.1
#: What is asked whether it grows, with what a reading is divided by and the unit that remains.
WATCHED: Final = {
    "worker_memory": (1e6, "MB"),
    "jvm_memory": (1e6, "MB"),
    "heap": (1e6, "MB"),
    "checkpoint_bytes": (1e6, "MB"),
    "checkpoint_written": (1e6, "MB"),
    "checkpoint_seconds": (1.0, "s"),
    "state_disk": (1e6, "MB"),
    "checkpoint_disk": (1e6, "MB"),
}
#: A trend over the time watched, relative to the level, that still counts as flat.
FLAT: Final = 0.1


@dataclass(frozen=True)
class Trend:
    """A line through the samples of some time."""

    name: str
    level: float
    #: What the line rises by over the time, relative to the level.
    trend: float

    @property
    def flat(self) -> bool:
        """Whether it does not grow."""
        return self.trend <= FLAT


@dataclass(frozen=True)
class Pace:
    """How fast a part of a run went."""

    name: str
    events: int
    seconds: float
    #: At its end: users so far, ids that are remembered, and bytes on disk and in the worker's memory.
    users: int
    remembered: int
    worker_memory: int
    state_disk: int

    @property
    def rate(self) -> float:
        """Events a second; 0 where there was no time to measure."""
        return self.events / self.seconds if self.seconds else 0.0


def trends(samples: Sequence[Sample], of: str = "event_time") -> list[Trend]:
    """How each number that is watched moves over the samples, along ``of``."""
    if len(samples) < 3:
        return []
    along = np.array([getattr(sample, of) for sample in samples], float)
    span = along[-1] - along[0]
    if span <= 0:
        return []
    found = []
    for name in WATCHED:
        values = np.array([getattr(sample, name) for sample in samples], float)
        slope = float(np.polyfit((along - along[0]) / span, values, 1)[0])
        level = float(mean(values))
        found.append(Trend(name, level, slope / level if level else 0.0))
    return found


def after(samples: Sequence[Sample], time: int) -> list[Sample]:
    """The samples from an event time (µs) on, up to the last that brought events."""
    last = max((sample.done for sample in samples), default=0)
    upto = next((place for place, sample in enumerate(samples) if sample.done == last), 0)
    return [sample for sample in samples[: upto + 1] if sample.event_time >= time]


def first_pace(plan: Plan, samples: Sequence[Sample]) -> Pace | None:
    """The first events of a run, from the first position that the job committed on."""
    begun = [sample for sample in samples if sample.done]
    if not begun:
        return None
    wanted = begun[0].done + min(FIRST_EVENTS, int(plan.events * _FIRST_SHARE))
    end = next((sample for sample in begun if sample.done >= wanted), begun[-1])
    return _pace(plan, "first", begun[0], end)


def daily(plan: Plan, samples: Sequence[Sample]) -> list[Pace]:
    """Each day of event time that the run has behind it, whole or in part."""
    begun = [sample for sample in samples if sample.done]
    found = []
    for number, begin in enumerate(range(plan.start, plan.end, DAY), start=1):
        end = min(begin + DAY, plan.end)
        inside = [sample for sample in begun if sample.event_time >= begin or number == 1]
        first = inside[0] if inside else None
        last = next((sample for sample in inside if sample.event_time >= end - plan.spans.tick // 10), None)
        if last is None:  # ended within the day: what it did not get any further in is no time of work
            last = next((sample for sample in inside if sample.done == inside[-1].done), None)
        if first is not None and last is not None and last.done > first.done:
            found.append(_pace(plan, f"day {number}", first, last))
    return found


def _pace(plan: Plan, name: str, first: Sample, last: Sample) -> Pace:
    remembered = plan.events_at(last.event_time) - plan.events_at(last.event_time - DAY - 10 * SECOND)
    sizes = (last.worker_memory, last.state_disk)
    users = plan.users_at(min(max(last.event_time, plan.start), plan.end))
    return Pace(name, last.done - first.done, last.at - first.at, users, remembered, *sizes)


def pace_table(plan: Plan, samples: Sequence[Sample]) -> str:
    """For people: events a second, relative to the first of the run; bytes for each id that is remembered."""
    first = first_pace(plan, samples)
    if first is None:
        return "the job committed nothing"
    base = next(sample for sample in samples if sample.done)
    heads = f"{'':8}{'events':>13}{'seconds':>9}{'events/s':>10}{'x first':>9}{'users':>9}{'ids':>12}"
    rows = [f"{heads}{'worker MB':>11}{'B/id':>7}{'disk MB':>9}{'B/id':>7}"]
    for pace in [first, *daily(plan, samples)]:
        ids = max(pace.remembered, 1)
        memory = max(pace.worker_memory - base.worker_memory, 0)
        rows.append(
            f"{pace.name:8}{pace.events:>13,}{pace.seconds:>9.1f}{pace.rate:>10,.0f}"
            f"{pace.rate / first.rate if first.rate else 0:>9.2f}{pace.users:>9,}{pace.remembered:>12,}"
            f"{pace.worker_memory / 1e6:>11.0f}{memory / ids:>7.1f}"
            f"{pace.state_disk / 1e6:>9.0f}{pace.state_disk / ids:>7.1f}"
        )
    slowest = min(daily(plan, samples), key=lambda pace: pace.rate, default=first)
    rows.append(
        f"slowest: {slowest.name}, {slowest.rate / first.rate if first.rate else 0:.2f} of the first events' rate"
    )
    return "\n".join(rows)


def trend_table(found: Sequence[Trend], title: str) -> str:
    """For people."""
    if not found:
        return f"{title}: too few samples for a trend"
    rows = [f"{title}: trend over the whole of it, relative to the level; flat is up to {FLAT:+.0%}"]
    for each in found:
        divisor, unit = WATCHED[each.name]
        verdict = "flat" if each.flat else "GROWS"
        rows.append(f"  {each.name:20}{each.level / divisor:>11,.2f} {unit:3}{each.trend:>+9.1%}  {verdict}")
    return "\n".join(rows)
