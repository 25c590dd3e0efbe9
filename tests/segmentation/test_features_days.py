"""Distinct days and recency against a reading of all events known at a tick."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from segmentation.features.distinct_days import DistinctDays
from segmentation.features.nulls import NO_TIME
from segmentation.features.recency import Recency
from segmentation.units import DAY
from tests.segmentation.feature_runs import TICK, Event, Leg, Run, legs, some

LONG = (1, 12, 143, 288)


def chosen(events: Sequence[Event], names: tuple[str, ...]) -> list[int]:
    """The times of the events that count."""
    return [event.at for event in events if event.text is not None and (not names or event.text in names)]


@pytest.mark.parametrize("lateness", [0, DAY])
@pytest.mark.parametrize("names", [(), ("a", "c")], ids=["any", "two"])
@pytest.mark.parametrize("window", [None, DAY, 3 * DAY], ids=["ever", "1d", "3d"])
@some
@given(run=legs(DAY // 4, lengths=LONG))
def test_days_at_every_tick(window: int | None, names: tuple[str, ...], lateness: int, run: list[Leg]) -> None:
    def naive(events: Sequence[Event], tick: int) -> dict[str, int]:
        last = (tick - 1) // DAY
        days = {at // DAY for at in chosen(events, names)}
        return {"f": len([day for day in days if window is None or last - window // DAY < day <= last])}

    Run(DistinctDays("f", window, names), lateness).follow(run, naive)


@pytest.mark.parametrize("names", [(), ("b",)], ids=["any", "one"])
@some
@given(run=legs(TICK))
def test_latest_time_at_every_tick(names: tuple[str, ...], run: list[Leg]) -> None:
    def naive(events: Sequence[Event], tick: int) -> dict[str, int]:
        return {"f": max(chosen(events, names), default=NO_TIME)}

    Run(Recency("f", names), DAY).follow(run, naive)
