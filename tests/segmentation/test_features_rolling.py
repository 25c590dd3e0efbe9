"""Rolling scores and counts against sums over all events at every tick, late ones included."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from segmentation.features.rolling import RollingCount, RollingScore
from tests.segmentation.feature_runs import MINUTE, TICK, Event, Leg, Run, latenesses, legs, some


def naive_sum(feature: RollingScore | RollingCount, events: Sequence[Event], tick: int) -> int:
    """The sum at a tick over its window."""
    since = (tick - 1) // feature.every * feature.every + feature.every - feature.window
    total = 0
    for event in events:
        if event.text is None or not since <= event.at < tick or event.counted_at > tick:
            continue
        if isinstance(feature, RollingScore):
            total += feature.weights.get(event.text, feature.default_weight)
        else:
            total += not feature.events or event.text in feature.events
    return total


FEATURES = [
    RollingScore("f", 20 * MINUTE, 5 * MINUTE, {"a": 1, "b": 3}),
    RollingScore("f", 45 * MINUTE, 15 * MINUTE, {"a": 2, "c": 0}, default_weight=5),
    RollingScore("f", 15 * MINUTE, 15 * MINUTE, {"b": 1}),
    RollingCount("f", 5 * MINUTE, 5 * MINUTE),
    RollingCount("f", 30 * MINUTE, 10 * MINUTE, ("b", "c")),
]


@pytest.mark.parametrize("feature", FEATURES, ids=range(len(FEATURES)))
@some
@given(lateness=latenesses, run=legs(TICK))
def test_sum_at_every_tick(feature: RollingScore | RollingCount, lateness: int, run: list[Leg]) -> None:
    def naive(events: Sequence[Event], tick: int) -> dict[str, int]:
        values = {"f": naive_sum(feature, events, tick)}
        if feature.every != TICK:
            values["f@"] = naive_sum(feature, events, tick // feature.every * feature.every)
        return values

    Run(feature, lateness).follow(run, naive)
