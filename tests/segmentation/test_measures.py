"""Percentiles as one shard sees them: at the right boundary, of the right population, and who has to be looked at."""

from collections.abc import Mapping

import numpy as np
import pytest

from segmentation.features.kind import Measured
from segmentation.features.timeline import Span, Timeline, Updates
from segmentation.population.measures import Measures
from segmentation.population.moves import Moves
from segmentation.rules.file import parse_rules
from segmentation.rules.model import Rules
from segmentation.rules.thresholds import measured_features
from segmentation.units import HOUR, MINUTE

QUARTER = 15 * MINUTE
#: Ticks 0:15 to 3:00; populations move at 1:00, 2:00 and 3:00.
SPAN = Span(0, QUARTER, 12)
WANTED = frozenset({"percentile(clicks)"})


def rules(*conditions: str, minimum: int = 1) -> Rules:
    segments = "\n".join(f"  s{number}: {{when: {when!r}}}" for number, when in enumerate(conditions))
    return parse_rules(
        f"""
version: 1
tick: 15m
population: {{minimum: {minimum}}}
features:
  clicks: {{kind: rolling_count, window: 3h, every: 1h}}
  views: {{kind: rolling_count, window: 3h, every: 15m, event: view}}
  orders: {{kind: rolling_score, window: 3h, every: 1h, weights: {{order: 1}}}}
segments:
{segments}
""",
        "rules.yaml",
    )


def moves(*rows: tuple[int, int, int]) -> Moves:
    """(hours, score, how many more users have it from then on)."""
    boundary, score, users = np.array(sorted(rows), np.int64).reshape(-1, 3).T
    return Moves(boundary * HOUR, score, users)


def measures(*rows: tuple[int, int, int], condition: str = "percentile(clicks) >= 80", minimum: int = 1) -> Measures:
    result = Measures(rules(condition, minimum=minimum))
    result.add({"clicks": moves(*rows)})
    return result


def percentiles(some: Measures, scores: list[int], ticks: list[int]) -> list[float | None]:
    """The percentile of each score at its tick (µs), None for NULL."""
    found = some.percentiles({"clicks@": np.array(scores)}, np.array(ticks), WANTED)["clicks"]
    return [None if np.isnan(each) else float(each) for each in found]


#: Scores 1 to 6 from 1:00 on: percentiles 0, 20, 40, 60, 80 and 100.
SIX = [(1, score, 1) for score in range(1, 7)]


def test_features_whose_percentile_is_read_and_the_column_of_their_boundary() -> None:
    some = rules("percentile(clicks) >= 80 AND orders > 2", "percentile(views) IS NULL")
    assert measured_features(some) == [Measured("clicks", "clicks@", HOUR), Measured("views", "views", QUARTER)]


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        pytest.param(HOUR - QUARTER, None, id="before_the_first_boundary"),
        pytest.param(HOUR, 80.0, id="exactly_on_a_boundary"),
        pytest.param(HOUR + QUARTER, 80.0, id="just_after_a_boundary"),
        pytest.param(2 * HOUR - QUARTER, 80.0, id="last_tick_before_the_next_boundary"),
        pytest.param(2 * HOUR, 100.0, id="exactly_on_the_next_boundary"),
        pytest.param(9 * HOUR, 100.0, id="boundaries_at_which_nothing_moved"),
    ],
)
def test_population_is_that_of_the_tick_rounded_down_to_every(tick: int, expected: float | None) -> None:
    # At 2:00 the user with score 6 leaves: score 5 is the highest of five.
    assert percentiles(measures(*SIX, (2, 6, -1)), [5], [tick]) == [expected]


def test_rows_of_different_ticks_in_any_order() -> None:
    some = measures(*SIX, (2, 6, -1))
    assert percentiles(some, [5, 5, 1, 5], [2 * HOUR, HOUR, HOUR, 0]) == [100.0, 80.0, 0.0, None]


@pytest.mark.parametrize(
    ("rows", "minimum", "score", "expected"),
    [
        pytest.param(SIX, 6, 5, 80.0, id="population_of_exactly_the_minimum"),
        pytest.param(SIX, 7, 5, None, id="population_one_below_the_minimum"),
        pytest.param(SIX, 1, 0, None, id="score_zero"),
        pytest.param([(1, 9, 1)], 1, 9, 0.0, id="population_of_one"),
        pytest.param([(1, 1, 3), (1, 5, 2)], 1, 5, 75.0, id="tie_counts_only_those_below"),
        pytest.param([(1, 5, 4)], 1, 5, 0.0, id="all_alike"),
        pytest.param([(1, 1, 1), (1, 2, 2), (1, 3, 1)], 1, 2, 100 / 3, id="one_division_in_double_precision"),
    ],
)
def test_percentile(rows: list[tuple[int, int, int]], minimum: int, score: int, expected: float | None) -> None:
    assert percentiles(measures(*rows, minimum=minimum), [score], [HOUR]) == [expected]


def timeline(before: list[int], later: Mapping[tuple[int, int], int] | None = None) -> Timeline:
    """By user the score before the span, and by (user, tick in µs) the score at the boundary from there on."""
    rows = sorted((later or {}).items())
    keys = np.array([user * SPAN.stride + tick // QUARTER for (user, tick), _ in rows], np.int64)
    scores = np.array([score for _, score in rows], np.int64)
    return Timeline({"clicks@": np.array(before)}, Updates(keys, {"clicks@": scores}), SPAN.stride)


def due(some: Measures, line: Timeline, span: Span = SPAN) -> list[tuple[float, int]]:
    """(hours, user) to look at, in the order of time."""
    keys = np.concatenate([np.empty(0, np.int64), *some.due(line, span)])
    ticks = (span.settled + keys % span.stride * span.tick) / HOUR
    return sorted(zip(ticks.tolist(), (keys // span.stride).tolist(), strict=True))


#: Three users of this shard at 1:00 with scores 4, 5 and 6, the scores of the other three are elsewhere.
AT_ONE = {(0, HOUR): 4, (1, HOUR): 5, (2, HOUR): 6}
FIRST = [(1.0, 0), (1.0, 1), (1.0, 2)]


def test_first_percentile_is_looked_at() -> None:
    assert due(measures(*SIX), timeline([0, 0, 0, 0], AT_ONE)) == FIRST


def test_population_moved_but_the_user_did_not() -> None:
    # At 2:00 one more with score 6 comes: 100 · 4 / 6 < 80 for score 5, 100 · 5 / 6 for score 6.
    assert due(measures(*SIX, (2, 6, 1)), timeline([0, 0, 0], AT_ONE)) == [*FIRST, (2.0, 1)]


def test_user_moved_but_the_population_did_not() -> None:
    # A user of this shard takes the score 5 of one who is elsewhere and leaves the score 4 to that one.
    assert due(measures(*SIX), timeline([0, 0, 0], {**AT_ONE, (0, 2 * HOUR): 5})) == [*FIRST, (2.0, 0)]


def test_two_users_exchange_their_scores() -> None:
    later = {**AT_ONE, (0, 2 * HOUR): 5, (1, 2 * HOUR): 4}
    assert due(measures(*SIX), timeline([0, 0, 0], later)) == [*FIRST, (2.0, 0), (2.0, 1)]


def test_both_moved_and_no_threshold_was_crossed() -> None:
    # Everyone with 5 or 6 gets one more; the percentiles stay as they were.
    rows = [*SIX, (2, 5, -1), (2, 7, 1)]
    later = {**AT_ONE, (1, 2 * HOUR): 6, (2, 2 * HOUR): 7}
    assert due(measures(*rows), timeline([0, 0, 0], later)) == FIRST


def test_two_thresholds_crossed_at_one_boundary() -> None:
    some = measures(*SIX, (2, 4, -1), (2, 7, 1), condition="percentile(clicks) BETWEEN 70 AND 90")
    later = {**AT_ONE, (0, 2 * HOUR): 7}
    # Score 7 is 100; 5 and 6 fall to 60 and 80.
    assert due(some, timeline([0, 0, 0], later)) == [*FIRST, (2.0, 0), (2.0, 1), (2.0, 2)]


def test_user_who_leaves_the_population() -> None:
    assert due(measures(*SIX, (2, 4, -1)), timeline([0, 0, 0], {**AT_ONE, (0, 2 * HOUR): 0}))[3] == (2.0, 0)


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        pytest.param(1, [(1.0, 0)], id="first_of_the_span"),
        pytest.param(3, [(3.0, 0)], id="last_of_the_span"),
        pytest.param(4, [], id="after_the_span"),
    ],
)
def test_population_appears_at_a_boundary(boundary: int, expected: list[tuple[float, int]]) -> None:
    assert due(measures((boundary, 5, 1), (boundary, 1, 1)), timeline([5])) == expected


def test_boundary_that_is_the_last_settled_tick_is_not_looked_at_again() -> None:
    some = measures(*SIX)
    due(some, timeline([0, 0, 0], AT_ONE))
    assert due(some, timeline([4, 5, 6]), Span(3 * HOUR, QUARTER, 12)) == []


def test_population_of_later_boundaries_does_not_show_earlier() -> None:
    some = measures(*SIX, (2, 6, 1), (3, 6, -1))
    assert due(some, timeline([0, 0, 0], AT_ONE)) == [*FIRST, (2.0, 1), (3.0, 1)]


def test_users_of_a_span_that_begins_with_scores() -> None:
    some = measures(*SIX)
    due(some, timeline([0, 0, 0], AT_ONE))
    some.add({"clicks": moves((4, 6, 1))})
    assert due(some, timeline([4, 5, 6]), Span(3 * HOUR, QUARTER, 12)) == [(4.0, 1)]


@pytest.mark.parametrize(
    ("rows", "before", "later", "tick", "expected"),
    [
        pytest.param([*SIX, (2, 6, 1)], 5, {}, 2 * HOUR, True, id="others_moved"),
        pytest.param([*SIX, (2, 6, 1)], 5, {}, 2 * HOUR + QUARTER, False, id="others_moved_a_tick_before"),
        pytest.param([*SIX, (2, 6, 1)], 5, {}, 2 * HOUR - QUARTER, False, id="others_move_a_tick_later"),
        pytest.param([*SIX, (2, 6, 1)], 1, {}, 2 * HOUR, False, id="others_moved_but_not_the_percentile"),
        pytest.param([*SIX, (2, 6, 1)], 4, {2 * HOUR: 5}, 2 * HOUR, False, id="own_score_moved_as_well"),
        pytest.param([*SIX, (2, 6, 1)], 0, {}, 2 * HOUR, False, id="null_before_and_after"),
        pytest.param(SIX, 5, {}, HOUR, True, id="null_became_a_number"),
        pytest.param([*SIX, *((2, score, -1) for score in range(1, 7))], 5, {}, 2 * HOUR, True, id="became_null"),
    ],
)
def test_others_moved(
    rows: list[tuple[int, int, int]], before: int, later: dict[int, int], tick: int, expected: bool
) -> None:
    line = timeline([9, before], {(1, at): score for at, score in later.items()})
    key = np.array([SPAN.stride + tick // QUARTER])
    assert measures(*rows).others_moved(line, key, SPAN, "clicks").tolist() == [expected]


@pytest.mark.parametrize(
    ("rows", "condition", "expected"),
    [
        pytest.param(SIX, "percentile(clicks) >= 80", {"clicks>=80": 5}, id="exactly_reached"),
        pytest.param(SIX, "percentile(clicks) >= 80.5", {"clicks>=80.5": 6}, id="reached_by_the_next_score"),
        pytest.param([(1, 2, 5), (1, 3, 5)], "percentile(clicks) >= 80", {}, id="reached_by_none"),
        pytest.param([], "percentile(clicks) >= 80", {}, id="no_population"),
        pytest.param(SIX, "percentile(clicks) BETWEEN 20 AND 60", {"clicks>=20": 2, "clicks>=60": 4}, id="two"),
        pytest.param(SIX, "percentile(clicks) >= clicks", {}, id="compared_with_no_number"),
    ],
)
def test_cut_scores(rows: list[tuple[int, int, int]], condition: str, expected: dict[str, int]) -> None:
    assert measures(*rows, condition=condition).cut_scores() == expected


@pytest.mark.parametrize(
    ("live", "settled", "expected"),
    [
        pytest.param(5, 5, 80.0, id="own_entry_is_left_out"),
        pytest.param(5, 1, 60.0, id="own_entry_below_is_left_out"),
        pytest.param(4, 0, 50.0, id="no_entry_of_their_own"),
        pytest.param(99, 0, 100.0, id="above_all"),
        pytest.param(1, 6, 0.0, id="below_all"),
        pytest.param(0, 5, None, id="score_zero"),
    ],
)
def test_early_percentile_is_of_the_live_score_among_the_others(
    live: int, settled: int, expected: float | None
) -> None:
    # Of the others with scores 1 to 6, a user's own settled score not among them: 100 · lower / others.
    found = measures(*SIX).early_percentiles(
        {"clicks": np.array([live]), "clicks@": np.array([9])}, {"clicks@": np.array([7, settled])}, np.array([1])
    )["clicks"]
    assert [None if np.isnan(each) else float(each) for each in found] == [expected]


def test_moved_boundaries_of_all_features() -> None:
    some = Measures(rules("percentile(clicks) > 1 OR percentile(orders) > 1"))
    some.add({"clicks": moves((1, 5, 1), (3, 5, 1)), "orders": moves((2, 5, 1), (3, 5, 1)), "views": moves((9, 5, 1))})
    assert some.moved_boundaries() == [HOUR, 2 * HOUR, 3 * HOUR]


@pytest.mark.parametrize(
    ("tick", "kept"),
    [
        pytest.param(2 * HOUR - QUARTER, [2 * HOUR, 3 * HOUR], id="tick_before_a_boundary"),
        pytest.param(2 * HOUR, [3 * HOUR], id="tick_on_a_boundary"),
        pytest.param(3 * HOUR - QUARTER, [3 * HOUR], id="last_tick_of_a_boundary"),
    ],
)
def test_what_holds_at_a_tick_is_not_forgotten(tick: int, kept: list[int]) -> None:
    some = measures(*SIX, (2, 6, -1), (3, 5, -1))
    before = percentiles(some, [5, 4], [tick, 3 * HOUR])
    some.forget_before(tick)
    assert some.moved_boundaries() == kept
    assert percentiles(some, [5, 4], [tick, 3 * HOUR]) == before


def test_restored_ones_look_only_at_what_moves_later() -> None:
    some = measures(*SIX)
    due(some, timeline([0, 0, 0], AT_ONE))
    again = Measures(rules("percentile(clicks) >= 80"))
    again.restore(some.tables(), 3 * HOUR, {"clicks@": np.array([4, 5, 6])})
    assert percentiles(again, [5], [3 * HOUR]) == [80.0]
    again.add({"clicks": moves((4, 6, 1))})
    assert due(again, timeline([4, 5, 6]), Span(3 * HOUR, QUARTER, 12)) == [(4.0, 1)]


def test_restored_between_two_boundaries() -> None:
    again = Measures(rules("percentile(clicks) >= 80"))
    again.restore(measures(*SIX).tables(), 2 * HOUR + QUARTER, {"clicks@": np.array([5])})
    assert percentiles(again, [5, 5], [2 * HOUR, 2 * HOUR + QUARTER]) == [80.0, 80.0]
