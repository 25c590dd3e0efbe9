"""Memberships from tick to tick: the exact tick at which a user enters and leaves, looked at only where it matters."""

from collections.abc import Mapping

import numpy as np
import pytest

from segmentation.expressions import Values
from segmentation.features.timeline import Span
from segmentation.membership.conditions import Conditions
from segmentation.membership.memberships import Memberships
from segmentation.membership.stepping import Stepper
from segmentation.rules.file import parse_rules
from segmentation.units import MINUTE

RULES = """
version: 1
tick: 1m
features:
  clicks: {kind: rolling_count, window: 3m, every: 1m}
segments:
"""


class Walker:
    """One shard whose users have one percentile each; ticks are minutes, the first is 1."""

    def __init__(self, segments: str, users: int = 1) -> None:
        self.conditions = Conditions(parse_rules(RULES + segments, "rules.yaml"))
        self.memberships = Memberships(self.conditions)
        self.stepper = Stepper(self.memberships, self.conditions.width)
        self.stepper.grow(users)
        self.settled = 0

    def walk(self, ticks: int, rows: Mapping[tuple[int, int], float | None]) -> list[tuple[int, int, str]]:
        """Settle some ticks; ``rows``: by (tick, user) the percentile from there on.

        Returns:
            (tick, user, change) of what was decided, in that order; a change is ``+segment`` or ``-segment``.
        """
        span = Span(self.settled * MINUTE, MINUTE, ticks)
        places = sorted(rows)
        values = [rows[place] for place in places]
        null = np.array([value is None for value in values], np.bool_)
        numbers = np.array([0 if value is None else value for value in values], np.float64)
        results = self.conditions.evaluate({"percentile(clicks)": Values.unless(null, numbers)}, len(values))
        index = np.array([tick - self.settled for tick, _ in places], np.int64)
        users = np.array([user for _, user in places], np.int64)
        names = list(self.conditions.positions)
        changes = []
        for each in self.stepper.walk(users, index, results, span):
            for user, before, after in zip(each.users.tolist(), each.before, each.after, strict=True):
                marks = [
                    ("+" if now else "-") + name
                    for name, then, now in zip(names, before, after, strict=True)
                    if then != now
                ]
                assert marks, "decided without a change"
                changes += [(self.settled + each.index, user, mark) for mark in marks]
        self.settled += ticks
        return changes


def one(segments: str, ticks: int, percentiles: Mapping[int, float | None]) -> list[tuple[int, str]]:
    """(tick, change) of a single user with these percentiles: by tick, each from there on."""
    changes = Walker(segments).walk(ticks, {(tick, 0): value for tick, value in percentiles.items()})
    return [(tick, change) for tick, _, change in changes]


PLAIN = "  top: {when: percentile(clicks) >= 80}"
HYSTERESIS = "  top: {when: percentile(clicks) >= 80, until: percentile(clicks) < 70}"
DWELL = "  top: {when: percentile(clicks) >= 80, min_dwell: 3m}"


@pytest.mark.parametrize(
    ("segments", "percentiles", "expected"),
    [
        pytest.param(PLAIN, {2: 80.0}, [(2, "+top")], id="enters_at_the_exact_threshold"),
        pytest.param(PLAIN, {2: 79.999}, [], id="does_not_enter_below_the_threshold"),
        pytest.param(PLAIN, {2: None}, [], id="null_does_not_enter"),
        pytest.param(PLAIN, {2: 80.0, 4: 79.999}, [(2, "+top"), (4, "-top")], id="leaves_below_the_threshold"),
        pytest.param(PLAIN, {2: 80.0, 4: None}, [(2, "+top"), (4, "-top")], id="null_ends_membership"),
        pytest.param(PLAIN, {2: 80.0, 4: 90.0}, [(2, "+top")], id="a_look_that_changes_nothing"),
        pytest.param(HYSTERESIS, {2: 80.0, 4: 70.0}, [(2, "+top")], id="stays_at_the_exact_threshold_of_until"),
        pytest.param(HYSTERESIS, {2: 80.0, 4: 69.999}, [(2, "+top"), (4, "-top")], id="leaves_when_until_is_true"),
        pytest.param(HYSTERESIS, {2: 75.0}, [], id="between_both_thresholds_does_not_enter"),
        pytest.param(HYSTERESIS, {2: 80.0, 4: None}, [(2, "+top"), (4, "-top")], id="null_of_until_ends_membership"),
        pytest.param(
            "  top: {when: percentile(clicks) >= 80, until: percentile(clicks) IS NULL}",
            {2: 80.0, 4: 0.0, 6: None},
            [(2, "+top"), (6, "-top")],
            id="until_may_ask_for_null_itself",
        ),
    ],
)
def test_threshold(segments: str, percentiles: Mapping[int, float | None], expected: list[tuple[int, str]]) -> None:
    assert one(segments, 10, percentiles) == expected


@pytest.mark.parametrize(
    ("dwell", "percentiles", "expected"),
    [
        pytest.param("3m", {2: 80.0, 3: 0.0}, [(2, "+top"), (5, "-top")], id="ends_exactly_on_a_tick"),
        pytest.param("150s", {2: 80.0, 3: 0.0}, [(2, "+top"), (5, "-top")], id="ends_between_two_ticks"),
        pytest.param("30s", {2: 80.0, 3: 0.0}, [(2, "+top"), (3, "-top")], id="ends_before_the_next_tick"),
        pytest.param("1m", {2: 80.0, 3: 0.0}, [(2, "+top"), (3, "-top")], id="of_one_tick_ends_at_the_next"),
        pytest.param("3m", {2: 80.0, 5: 0.0}, [(2, "+top"), (5, "-top")], id="ends_at_the_tick_of_the_change"),
        pytest.param("3m", {2: 80.0, 7: 0.0}, [(2, "+top"), (7, "-top")], id="ended_long_before_the_change"),
        pytest.param("3m", {2: 80.0, 3: None}, [(2, "+top"), (5, "-top")], id="null_does_not_end_it"),
        pytest.param("3m", {2: 80.0, 3: 0.0, 4: 80.0}, [(2, "+top")], id="condition_true_again_before_it_ends"),
        pytest.param("3m", {2: 80.0, 3: 0.0, 5: 80.0}, [(2, "+top")], id="condition_true_again_as_it_ends"),
        pytest.param(
            "3m",
            {2: 80.0, 3: 0.0, 4: 80.0, 6: 0.0},
            [(2, "+top"), (6, "-top")],
            id="counts_from_entering_not_from_the_last_true",
        ),
        pytest.param(
            "3m",
            {2: 80.0, 3: 0.0, 7: 80.0, 8: 0.0},
            [(2, "+top"), (5, "-top"), (7, "+top"), (10, "-top")],
            id="counts_anew_from_entering_again",
        ),
    ],
)
def test_min_dwell(dwell: str, percentiles: Mapping[int, float | None], expected: list[tuple[int, str]]) -> None:
    segments = f"  top: {{when: percentile(clicks) >= 80, min_dwell: {dwell}}}"
    assert one(segments, 10, percentiles) == expected


def test_dwell_ends_in_a_later_span() -> None:
    walker = Walker(DWELL)
    assert walker.walk(3, {(2, 0): 80.0, (3, 0): 0.0}) == [(2, 0, "+top")]
    assert walker.walk(1, {}) == []
    assert walker.walk(3, {}) == [(5, 0, "-top")]


def test_dwell_ends_at_the_last_tick_of_a_span() -> None:
    walker = Walker(DWELL)
    assert walker.walk(5, {(2, 0): 80.0, (3, 0): 0.0}) == [(2, 0, "+top"), (5, 0, "-top")]
    assert walker.walk(5, {}) == []


def test_dwell_is_found_again_from_the_state_alone() -> None:
    walker = Walker(DWELL)
    walker.walk(3, {(2, 0): 80.0, (3, 0): 0.0})
    results = walker.stepper.results
    walker.stepper = Stepper(walker.memberships, walker.conditions.width)
    walker.stepper.grow(1)
    walker.stepper.results = results
    assert walker.walk(3, {}) == [(5, 0, "-top")]


def test_dwell_of_one_user_ends_at_the_tick_at_which_another_enters() -> None:
    walker = Walker(DWELL, users=3)
    changes = walker.walk(10, {(2, 2): 80.0, (3, 2): 0.0, (5, 0): 80.0})
    assert changes == [(2, 2, "+top"), (5, 0, "+top"), (5, 2, "-top")]


def test_when_and_until_both_true_alternate_from_tick_to_tick() -> None:
    # Not a member: enters because `when` is TRUE. A member: leaves because `until` is. No row after tick 2.
    segments = "  odd: {when: percentile(clicks) >= 80, until: percentile(clicks) >= 80}"
    assert one(segments, 5, {2: 80.0}) == [(2, "+odd"), (3, "-odd"), (4, "+odd"), (5, "-odd")]


def test_when_and_until_both_true_with_a_dwell() -> None:
    segments = "  odd: {when: percentile(clicks) >= 80, until: percentile(clicks) >= 80, min_dwell: 2m}"
    assert one(segments, 7, {2: 80.0}) == [(2, "+odd"), (4, "-odd"), (5, "+odd"), (7, "-odd")]


def test_alternation_goes_on_in_the_next_span() -> None:
    walker = Walker("  odd: {when: percentile(clicks) >= 80, until: percentile(clicks) >= 80}")
    assert walker.walk(2, {(2, 0): 80.0}) == [(2, 0, "+odd")]
    assert walker.walk(2, {}) == [(3, 0, "-odd"), (4, 0, "+odd")]


GROUP = """
  good: {when: percentile(clicks) >= 50, group: rank, priority: 1}
  best: {when: percentile(clicks) >= 80, group: rank, priority: 2}
"""
GROUP_WITH_DWELL = """
  good: {when: percentile(clicks) >= 50, group: rank, priority: 1, min_dwell: 5m}
  best: {when: percentile(clicks) >= 80, group: rank, priority: 2, min_dwell: 3m}
"""


@pytest.mark.parametrize(
    ("segments", "percentiles", "expected"),
    [
        pytest.param(GROUP, {2: 80.0}, [(2, "+best")], id="only_the_highest_priority_enters"),
        pytest.param(
            GROUP, {2: 50.0, 4: 80.0}, [(2, "+good"), (4, "-good"), (4, "+best")], id="lost_to_a_higher_priority"
        ),
        pytest.param(
            GROUP, {2: 80.0, 4: 79.0}, [(2, "+best"), (4, "+good"), (4, "-best")], id="back_when_the_higher_one_leaves"
        ),
        pytest.param(GROUP, {2: 80.0, 4: 0.0}, [(2, "+best"), (4, "-best")], id="both_conditions_end"),
        pytest.param(
            GROUP_WITH_DWELL,
            {2: 50.0, 3: 80.0},
            [(2, "+good"), (3, "-good"), (3, "+best")],
            id="losing_to_a_higher_priority_ends_dwell",
        ),
        pytest.param(
            GROUP_WITH_DWELL,
            {2: 80.0, 3: 50.0},
            [(2, "+best"), (5, "+good"), (5, "-best")],
            id="dwell_of_the_higher_one_keeps_the_lower_out",
        ),
        pytest.param(
            GROUP_WITH_DWELL,
            {2: 50.0, 3: 80.0, 4: 50.0, 6: 0.0},
            [(2, "+good"), (3, "-good"), (3, "+best"), (6, "-best")],
            id="dwell_of_the_lower_one_does_not_outlive_its_loss",
        ),
    ],
)
def test_group(segments: str, percentiles: Mapping[int, float | None], expected: list[tuple[int, str]]) -> None:
    assert one(segments, 10, percentiles) == expected


CHAIN = """
  loud: {when: in_segment('top') AND percentile(clicks) < 100}
  top: {when: percentile(clicks) >= 80, min_dwell: 3m}
  rest: {when: NOT in_segment('top')}
"""


@pytest.mark.parametrize(
    ("percentiles", "expected"),
    [
        pytest.param({1: 80.0}, [(1, "+loud"), (1, "+top")], id="sees_who_enters_at_the_same_tick"),
        pytest.param({1: 0.0, 2: 100.0}, [(1, "+rest"), (2, "+top"), (2, "-rest")], id="and_leaves_at_once"),
        pytest.param(
            {1: 80.0, 2: 0.0},
            [(1, "+loud"), (1, "+top"), (4, "-loud"), (4, "-top"), (4, "+rest")],
            id="holds_while_a_dwell_keeps_the_other",
        ),
    ],
)
def test_in_segment(percentiles: Mapping[int, float | None], expected: list[tuple[int, str]]) -> None:
    assert one(CHAIN, 8, percentiles) == expected


def test_two_segments_whose_thresholds_are_crossed_at_once() -> None:
    segments = "  half: {when: percentile(clicks) >= 50}\n  top: {when: percentile(clicks) >= 80}"
    assert one(segments, 3, {1: 0.0, 2: 90.0}) == [(2, "+half"), (2, "+top")]


def test_users_are_told_apart() -> None:
    walker = Walker(PLAIN, users=4)
    changes = walker.walk(5, {(1, 1): 90.0, (1, 3): 10.0, (2, 3): 90.0, (3, 1): 10.0, (3, 2): 90.0})
    assert changes == [(1, 1, "+top"), (2, 3, "+top"), (3, 1, "-top"), (3, 2, "+top")]


def test_only_users_of_a_row_or_a_dwell_are_looked_at() -> None:
    walker = Walker(DWELL, users=4)
    walker.walk(3, {(2, 0): 80.0, (3, 0): 0.0, (3, 2): 0.0})
    assert walker.stepper.looked_at.tolist() == [True, False, True, False]
    walker.stepper.looked_at[:] = False
    walker.walk(1, {})
    assert not walker.stepper.looked_at.any()
    walker.walk(1, {})
    assert walker.stepper.looked_at.tolist() == [True, False, False, False]


def test_new_users_are_no_members() -> None:
    walker = Walker("  rest: {when: percentile(clicks) < 50}")
    walker.walk(1, {(1, 0): 0.0})
    walker.stepper.grow(3)
    assert walker.memberships.member.tolist() == [[True], [False], [False]]
    assert walker.walk(1, {(2, 2): 0.0}) == [(2, 2, "+rest")]


def test_span_without_rows() -> None:
    assert Walker(PLAIN).walk(10, {}) == []
