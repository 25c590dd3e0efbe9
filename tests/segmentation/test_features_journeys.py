"""Journeys against a reading of all events known at a tick, late starts and late steps included."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from segmentation.features.journey_steps import JourneyStep
from segmentation.features.journeys import Journey
from segmentation.features.nulls import NO_TIME
from tests.segmentation.feature_runs import MINUTE, TICK, Event, Leg, Run, latenesses, legs, some


def done_at(step: JourneyStep, events: Sequence[Event], started: int) -> int | None:
    """When a step was done; ``events`` are sorted by time."""
    seen: set[str] = set()
    times = []
    for event in events:
        if event.text != step.event or event.at < started:
            continue
        if step.distinct is not None:
            if event.value is None or event.value in seen:
                continue
            seen.add(event.value)
        times.append(event.at)
    return times[step.at_least - 1] if len(times) >= step.at_least else None


JOURNEYS = [
    Journey("j", "a", (JourneyStep("b"),), "all_of", 10 * MINUTE),
    Journey("j", "a", (JourneyStep("b", 2), JourneyStep("c", 2, "v"), JourneyStep("a", 2)), "all_of"),
    Journey("j", "b", (JourneyStep("a", 1, "v"), JourneyStep("b", 3)), "any_of"),
    Journey("j", "a", (JourneyStep("a"), JourneyStep("c")), "any_of"),
    Journey("j", "c", (JourneyStep("b", 3, "v"), JourneyStep("b", 2, "v")), "all_of"),
]


@pytest.mark.parametrize("feature", JOURNEYS, ids=range(len(JOURNEYS)))
@some
@given(lateness=latenesses, run=legs(TICK, values=(None, "x", "y", "z")))
def test_times_and_steps_at_every_tick(feature: Journey, lateness: int, run: list[Leg]) -> None:
    def naive(events: Sequence[Event], tick: int) -> dict[str, int]:
        started = min((event.at for event in events if event.text == feature.start), default=None)
        done = [] if started is None else [done_at(step, events, started) for step in feature.steps]
        reached = [at for at in done if at is not None]
        completed = None
        if reached and feature.mode == "any_of":
            completed = min(reached)
        if len(reached) == len(feature.steps) and feature.mode == "all_of":
            completed = max(reached)
        return {
            "j.started_at": NO_TIME if started is None else started,
            "j.completed_at": NO_TIME if completed is None else completed,
            "j.steps_done": len(reached),
        }

    Run(feature, lateness).follow(run, naive)
