"""Attributes against a reading of all events known at a tick; ties in time break by event id."""

import math
from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given

from segmentation.features.attribute_values import UNKNOWN
from segmentation.features.attributes import Attribute
from tests.segmentation.feature_runs import MINUTE, TICK, Event, Leg, Run, latenesses, legs, some

VALUES = (None, "x", "y", "z", "", "1", "10", "9.5", "-1e-7", "true", "nan", "inf")


def carriers(feature: Attribute, events: Sequence[Event]) -> list[str]:
    """The values in order of time and event id."""
    named = [
        event for event in events if event.text is not None and (not feature.events or event.text in feature.events)
    ]
    return [event.value for event in named if event.value is not None]


@pytest.mark.parametrize("events", [(), ("a",), ("b", "c")], ids=["any", "one", "two"])
@pytest.mark.parametrize("closed", [None, ("x", "10")], ids=["open", "closed"])
@pytest.mark.parametrize("keep", ["first", "last"])
@some
@given(lateness=latenesses, run=legs(TICK, values=VALUES))
def test_first_and_last(
    keep: Literal["first", "last"],
    closed: tuple[str, ...] | None,
    events: tuple[str, ...],
    lateness: int,
    run: list[Leg],
) -> None:
    feature = Attribute("f", "v", keep, closed, events)

    def naive(known: Sequence[Event], tick: int) -> dict[str, str | None]:
        values = carriers(feature, known)
        value = None if not values else values[0 if keep == "first" else -1]
        return {"f": value if closed is None or value is None or value in closed else UNKNOWN}

    Run(feature, lateness).follow(run, naive)


@pytest.mark.parametrize(("keep", "values"), [("first", ["x", "y"]), ("last", ["x", "z"])])
def test_late_tie_in_time_breaks_by_event_id(keep: Literal["first", "last"], values: list[str]) -> None:
    punctual = Leg(1, (Event(0, 0, 0, "x", "s"),), "none", (0, 1, 2))
    late = Leg(1, (Event(0, 0, 0, "y", "p"), Event(0, 0, 0, "z", "w")), "restore", (0, 1, 2))
    told = []

    def naive(known: Sequence[Event], tick: int) -> dict[str, str | None]:
        found = [event.value for event in known]
        value = None if not found else found[0 if keep == "first" else -1]
        told.append(value)
        return {"f": value}

    Run(Attribute("f", "v", keep), 60 * MINUTE).follow([punctual, late], naive)
    assert told == [values[0], None, None, values[1], None, None]


@some
@given(lateness=latenesses, run=legs(TICK, values=VALUES))
def test_largest_number(lateness: int, run: list[Leg]) -> None:
    feature = Attribute("f", "v", "max")

    def naive(known: Sequence[Event], tick: int) -> dict[str, float | None]:
        numbers = [float(value) for value in carriers(feature, known) if value and value[-1].isdigit()]
        return {"f": max((number for number in numbers if math.isfinite(number)), default=None)}

    Run(feature, lateness).follow(run, naive)


@pytest.mark.parametrize("events", [(), ("a", "b")], ids=["any", "two"])
@some
@given(lateness=latenesses, run=legs(TICK, values=VALUES))
def test_number_of_different_values(events: tuple[str, ...], lateness: int, run: list[Leg]) -> None:
    feature = Attribute("f", "v", "set", None, events)

    def naive(known: Sequence[Event], tick: int) -> dict[str, int]:
        return {"f": len(set(carriers(feature, known)))}

    Run(feature, lateness).follow(run, naive)
