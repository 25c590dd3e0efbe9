"""When a user must be looked at although no event of theirs arrived. Looking once more than needed is harmless."""

from collections.abc import Iterable

import numpy as np
import pytest

from segmentation.features.nulls import NO_TIME
from segmentation.features.timeline import Span, Timeline, Updates
from segmentation.membership.conditions import Conditions
from segmentation.membership.due import Crossings
from segmentation.population.movers import Movers
from segmentation.population.percentiles import Population
from segmentation.rules.file import parse_rules
from segmentation.rules.model import Rules
from segmentation.rules.thresholds import merged_thresholds
from segmentation.units import HOUR

#: Ticks 1h to 10h.
SPAN = Span(0, HOUR, 10)
ALL_TICKS = set(range(1, 11))


def rules(*conditions: str, until: str | None = None) -> Rules:
    """A segment for each condition, over two recencies, a journey and a rolling count."""
    segments = [f"  s{number}: {{when: {when!r}}}" for number, when in enumerate(conditions)]
    if until is not None:
        segments[0] = f"  s0: {{when: {conditions[0]!r}, until: {until!r}}}"
    head = """
version: 1
tick: 1h
features:
  seen: {kind: recency}
  paid: {kind: recency, event: payment}
  trial: {kind: journey, start: signup, complete: {all_of: [done]}, deadline: 3h}
  open_end: {kind: journey, start: signup, complete: {all_of: [done]}}
  clicks: {kind: rolling_count, window: 3h, every: 1h}
segments:
"""
    return parse_rules(head + "\n".join(segments), "rules.yaml")


def due(
    crossings: Crossings, before: dict[str, list[int]], changes: dict[tuple[int, int], dict[str, int]]
) -> list[set]:
    """By user the tick numbers at which to look; ``changes``: by (user, tick number) the columns from there on."""
    users = len(next(iter(before.values())))
    keys = np.array([user * SPAN.stride + index for user, index in sorted(changes)], np.int64)
    names = {name for row in changes.values() for name in row} | set(before)
    columns = {
        name: np.array([row[name] for _, row in sorted(changes.items())], np.int64)
        if changes
        else np.empty(0, np.int64)
        for name in names
    }
    timeline = Timeline({name: np.array(each) for name, each in before.items()}, Updates(keys, columns), SPAN.stride)
    found: list[set[int]] = [set() for _ in range(users)]
    for part in crossings.due(timeline, SPAN):
        for key in part.tolist():
            assert 1 <= key % SPAN.stride <= SPAN.count
            found[key // SPAN.stride].add(key % SPAN.stride)
    return found


def seen(condition: str, at: int, later: dict[int, int] | None = None) -> set[int]:
    """When to look at a user seen ``at``, and again as told by ``later``: tick number -> time."""
    changes = {(0, index): {"seen": time} for index, time in (later or {}).items()}
    return due(Crossings(Conditions(rules(condition))), {"seen": [at]}, changes)[0]


@pytest.mark.parametrize(
    ("at", "needed"),
    [
        pytest.param(2 * HOUR, {5, 6}, id="moment_on_a_tick_is_reached_there_and_passed_at_the_next"),
        pytest.param(2 * HOUR - 1, {5}, id="moment_just_before_a_tick"),
        pytest.param(2 * HOUR + 1, {6}, id="moment_just_after_a_tick"),
        pytest.param(-3 * HOUR, {1}, id="moment_on_the_last_settled_tick"),
        pytest.param(7 * HOUR, {10}, id="moment_on_the_last_tick_of_the_span"),
        pytest.param(7 * HOUR + 1, set(), id="moment_after_the_span"),
        pytest.param(-6 * HOUR, set(), id="moment_long_before_the_span"),
        pytest.param(NO_TIME, set(), id="never_seen"),
    ],
)
def test_age_passes_a_threshold_of_three_hours(at: int, needed: set[int]) -> None:
    looked = seen("hours_since(seen) > 3", at)
    assert needed <= looked
    assert len(looked) <= 3


def test_event_moves_the_moment() -> None:
    # Seen at 0:00, the moment would be 3:00. Seen again at 1:30, which tick 2 is the first to know, it is 4:30.
    looked = seen("hours_since(seen) > 3", 0, {2: 90 * 60_000_000})
    assert 5 in looked
    assert 3 not in looked


def test_event_that_counts_at_the_moment_moves_it_too() -> None:
    # Tick 3 itself is looked at because of the event; 4 to 10 only for the new moment, 2:30 + 3 h.
    looked = seen("hours_since(seen) > 3", 0, {3: 150 * 60_000_000})
    assert 6 in looked
    assert 4 not in looked


def test_two_thresholds_crossed_within_one_span() -> None:
    assert {3, 6} <= seen("hours_since(seen) > 2 AND hours_since(seen) <= 5", 0)


def test_threshold_of_until_counts_as_well() -> None:
    crossings = Crossings(Conditions(rules("hours_since(seen) < 2", until="hours_since(seen) >= 7")))
    assert {2, 7} <= due(crossings, {"seen": [0]}, {})[0]


def test_threshold_in_parts_of_an_hour() -> None:
    assert 2 in seen("hours_since(seen) > 1.5", 0)


def test_users_are_told_apart() -> None:
    crossings = Crossings(Conditions(rules("hours_since(seen) > 3")))
    first, second, third = due(crossings, {"seen": [6 * HOUR + 1, NO_TIME, -2 * HOUR - 1]}, {})
    assert 10 in first
    assert second == set()
    assert 1 in third


@pytest.mark.parametrize(
    ("at", "later", "needed"),
    [
        pytest.param(0, {}, ALL_TICKS, id="known_before_the_span"),
        pytest.param(NO_TIME, {4: 3 * HOUR}, ALL_TICKS - {1, 2, 3, 4}, id="known_from_tick_four_on"),
        pytest.param(NO_TIME, {}, set(), id="never_known"),
        pytest.param(NO_TIME, {10: 9 * HOUR}, set(), id="known_from_the_last_tick_on"),
    ],
)
def test_age_that_is_compared_with_no_number_matters_at_every_tick(
    at: int, later: dict[int, int], needed: set[int]
) -> None:
    # The ticks with an event of the user's own are looked at because of it.
    condition = "hours_since(seen) * 2 > 3"
    assert Crossings(Conditions(rules(condition))).at_every_tick
    assert seen(condition, at, later) >= needed
    assert seen(condition, at, later) <= needed | set(later)


def trial(
    started: int, completed: int = NO_TIME, later: dict[int, dict[str, int]] | None = None, name: str = "trial"
) -> set[int]:
    """When to look at a user of a journey with a deadline of 3 h whose status is read."""
    before = {f"{name}.started_at": [started], f"{name}.completed_at": [completed]}
    changes = {
        (0, index): {f"{name}.{part}": time for part, time in row.items()} for index, row in (later or {}).items()
    }
    return due(Crossings(Conditions(rules(f"{name}.status = 'overdue'"))), before, changes)[0]


@pytest.mark.parametrize(
    ("started", "completed", "needed"),
    [
        pytest.param(HOUR, NO_TIME, {5}, id="deadline_on_a_tick_is_overdue_from_the_next"),
        pytest.param(HOUR - 1, NO_TIME, {4}, id="deadline_just_before_a_tick"),
        pytest.param(HOUR + 1, NO_TIME, {5}, id="deadline_just_after_a_tick"),
        pytest.param(6 * HOUR + 1, NO_TIME, {10}, id="deadline_before_the_last_tick"),
    ],
)
def test_deadline_passes(started: int, completed: int, needed: set[int]) -> None:
    assert needed <= trial(started, completed)


@pytest.mark.parametrize(
    ("started", "completed"),
    [
        pytest.param(HOUR, 2 * HOUR, id="completed_before_the_span"),
        pytest.param(7 * HOUR + 1, NO_TIME, id="deadline_after_the_span"),
        pytest.param(NO_TIME, NO_TIME, id="never_started"),
    ],
)
def test_no_deadline_passes(started: int, completed: int) -> None:
    assert trial(started, completed) == set()


def test_completion_within_the_span_stops_the_deadline() -> None:
    assert trial(HOUR, later={3: {"started_at": HOUR, "completed_at": 150 * 60_000_000}}) == set()


def test_earlier_start_that_arrives_late_moves_the_deadline() -> None:
    # Known at tick 2 that it started at 0:00 and not at 1:00: overdue from tick 4, not from tick 5.
    assert 4 in trial(HOUR, later={2: {"started_at": 0, "completed_at": NO_TIME}})


def test_journey_without_a_deadline_is_never_overdue() -> None:
    assert trial(0, name="open_end") == set()


def test_deadline_whose_status_no_condition_reads() -> None:
    crossings = Crossings(Conditions(rules("trial.steps_done >= 1")))
    assert due(crossings, {"trial.started_at": [HOUR], "trial.completed_at": [NO_TIME]}, {}) == [set()]


@pytest.mark.parametrize(
    ("conditions", "until", "expected"),
    [
        pytest.param(["percentile(clicks) >= 80"], None, {80.0}, id="one"),
        pytest.param(["percentile(clicks) >= 80"], "percentile(clicks) < 70", {70.0, 80.0}, id="when_and_until"),
        pytest.param(["percentile(clicks) >= 80", "percentile(clicks) < 5"], None, {5.0, 80.0}, id="two_segments"),
        pytest.param(["percentile(clicks) IS NULL"], None, set(), id="null_test_adds_no_number"),
        pytest.param(["percentile(clicks) >= clicks", "percentile(clicks) >= 80"], None, None, id="every_change_first"),
        pytest.param(["percentile(clicks) >= 80", "percentile(clicks) >= clicks"], None, None, id="every_change_last"),
    ],
)
def test_thresholds_of_a_percentile(conditions: list[str], until: str | None, expected: set[float] | None) -> None:
    assert merged_thresholds(rules(*conditions, until=until), "percentile") == {"clicks": expected}


def population(*members: tuple[int, int], minimum: int = 1) -> Population:
    """(score, users) in order of the score."""
    scores, users = np.array(members, np.int64).reshape(-1, 2).T
    return Population(scores, users, minimum)


#: Percentiles 0, 20, 40, 60, 80 and 100.
SIX = population((1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1))
NO_MEMBERS = population()


def moved(
    thresholds: Iterable[float] | None, first: tuple[Population, list[int]], second: tuple[Population, list[int]]
) -> list[int]:
    """The users to look at at the second boundary."""
    movers = Movers(None if thresholds is None else frozenset(thresholds))
    movers.at(first[0], np.array(first[1], np.int64))
    return movers.at(second[0], np.array(second[1], np.int64)).tolist()


@pytest.mark.parametrize(
    ("before", "after", "looked_at"),
    [
        pytest.param(4, 5, True, id="from_below_to_the_exact_threshold"),
        pytest.param(5, 4, True, id="from_the_exact_threshold_to_below"),
        pytest.param(5, 6, True, id="from_the_exact_threshold_to_above"),
        pytest.param(4, 6, True, id="from_below_to_above"),
        pytest.param(3, 4, False, id="below_all_the_time"),
        pytest.param(0, 1, True, id="null_becomes_a_number"),
        pytest.param(1, 0, True, id="a_number_becomes_null"),
        pytest.param(0, 0, False, id="null_all_the_time"),
    ],
)
def test_user_moved_but_the_population_did_not(before: int, after: int, looked_at: bool) -> None:
    assert moved({80}, (SIX, [before]), (SIX, [after])) == ([0] if looked_at else [])


def test_population_moved_but_the_user_did_not() -> None:
    # Score 5: 100 · 4 / 5 = 80 of six; with one more member above 100 · 4 / 6 < 80.
    seven = population((1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 2))
    assert moved({80}, (SIX, [1, 5, 6]), (seven, [1, 5, 6])) == [1]


def test_tie_at_the_cut_moves_together() -> None:
    # Two with score 5: 100 · 4 / 5 = 80; without one of the lower ones 100 · 3 / 4 = 75.
    before = population((1, 1), (2, 1), (3, 1), (4, 1), (5, 2))
    after = population((2, 1), (3, 1), (4, 1), (5, 2))
    assert moved({80}, (before, [5, 5, 4]), (after, [5, 5, 4])) == [0, 1]


def test_both_moved_and_the_user_stays_between_two_thresholds() -> None:
    # Score 3 of six is 40; score 4 of five (1, 2, 4, 5, 6) is 50.
    five = population((1, 1), (2, 1), (4, 1), (5, 1), (6, 1))
    assert moved({20, 80}, (SIX, [3]), (five, [4])) == []


def test_two_thresholds_crossed_at_once() -> None:
    assert moved({20, 80}, (SIX, [1, 3]), (SIX, [6, 3])) == [0]


def test_population_falls_below_its_minimum() -> None:
    large, small = population((1, 1), (2, 1), minimum=2), population((2, 1), minimum=2)
    assert moved({80}, (large, [1, 2, 0]), (small, [0, 2, 0])) == [0, 1]


def test_population_reaches_its_minimum_exactly() -> None:
    small, large = population((2, 1), minimum=2), population((1, 1), (2, 1), minimum=2)
    assert moved({80}, (small, [0, 2, 0]), (large, [1, 2, 0])) == [0, 1]


def test_last_member_leaves() -> None:
    assert moved({80}, (population((2, 1)), [2]), (NO_MEMBERS, [0])) == [0]


def test_new_user_with_a_score() -> None:
    assert moved({80}, (SIX, [1]), (SIX, [1, 6])) == [1]


def test_null_test_alone_looks_where_null_begins_or_ends() -> None:
    assert moved({}, (SIX, [1, 0, 3]), (SIX, [6, 2, 0])) == [1, 2]


def test_without_numbers_every_member_and_everyone_who_left_is_looked_at() -> None:
    assert moved(None, (SIX, [1, 3, 0]), (SIX, [1, 0, 0])) == [0, 1]


def test_more_thresholds_than_fit_into_a_byte() -> None:
    # 128 thresholds up to 100: without a percentile the place is 0, at exactly 100 it is 256.
    thresholds = {100 - number / 2 for number in range(128)}
    assert moved(thresholds, (SIX, [0, 0]), (SIX, [6, 0])) == [0]
