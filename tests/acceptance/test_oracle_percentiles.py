"""Boundaries of populations and percentiles, each computed by hand and checked against core and oracle."""

from typing import Any

from tests.acceptance.conftest import Settle
from tests.oracle.small import HOUR, MINUTE, START, event

SCORE = {"score": {"kind": "rolling_count", "window": "4h", "every": "1h", "event": "p"}}
TOP = {"top": {"when": "percentile(score) >= 80"}}


def points(user: str, number: int, at: int = START) -> list[dict[str, Any]]:
    return [event(user, "p", at + n) for n in range(number)]


def test_tie_at_the_cut_takes_all_who_tie(outcome: Settle) -> None:
    # e and f tie; each is ahead of 4 of the 5 others: 100 * 4 / 5 = 80.
    scores = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 5}
    log = [e for user, number in scores.items() for e in points(user, number)]
    assert outcome(SCORE, TOP, log).told() == [("e", "ENTERED", "top", 1), ("f", "ENTERED", "top", 1)]


def test_tie_just_below_the_cut_takes_nobody_who_ties(outcome: Settle) -> None:
    # Three of six tie at the top: 100 * 3 / 5 = 60.
    scores = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 4, "f": 4}
    log = [e for user, number in scores.items() for e in points(user, number)]
    assert outcome(SCORE, TOP, log).told() == []


def test_population_of_one_has_percentile_zero(outcome: Settle) -> None:
    segments = {"zero": {"when": "percentile(score) = 0"}, "more": {"when": "percentile(score) > 0"}}
    assert outcome(SCORE, segments, points("a", 3)).told() == [("a", "ENTERED", "zero", 1)]


def test_below_minimum_population_percentile_is_unknown(outcome: Settle) -> None:
    segments = {"known": {"when": "percentile(score) IS NOT NULL"}, "unknown": {"when": "percentile(score) IS NULL"}}
    log = [*points("a", 1), *points("b", 2), *points("c", 1, START + HOUR)]
    told = outcome(SCORE, segments, log, population={"minimum": 3}, until=START + 2 * HOUR).told()
    assert told == [
        ("a", "ENTERED", "unknown", 1),
        ("b", "ENTERED", "unknown", 1),
        ("a", "EXITED", "unknown", 2),
        ("a", "ENTERED", "known", 2),
        ("b", "EXITED", "unknown", 2),
        ("b", "ENTERED", "known", 2),
        ("c", "ENTERED", "known", 2),
    ]


def test_unknown_percentile_ends_membership_but_not_dwell(outcome: Settle) -> None:
    segments = {
        "top": {"when": "percentile(score) >= 80"},
        "dwelling": {"when": "percentile(score) >= 80", "min_dwell": "6h"},
    }
    # Windows of 4 h empty at 4 h: nobody is measured from then on; the dwell of 6 h lasts from 1 h to 7 h.
    log = [*points("a", 1), *points("b", 2), event("c", "other", START + 8 * HOUR)]
    assert outcome(SCORE, segments, log).told() == [
        ("b", "ENTERED", "dwelling", 1),
        ("b", "ENTERED", "top", 1),
        ("b", "EXITED", "top", 5),
        ("b", "EXITED", "dwelling", 7),
    ]


def test_user_with_no_events_left_leaves_population(outcome: Settle) -> None:
    # a alone has events from 0 h on, b from 3 h: at 5 h a is out of the window and b stands alone at 0.
    segments = {"lead": {"when": "percentile(score) >= 100"}, "measured": {"when": "percentile(score) IS NOT NULL"}}
    log = [*points("a", 1), *points("b", 2, START + 3 * HOUR)]
    assert outcome(SCORE, segments, log, until=START + 5 * HOUR).told() == [
        ("a", "ENTERED", "measured", 1),
        ("b", "ENTERED", "lead", 4),
        ("b", "ENTERED", "measured", 4),
        ("a", "EXITED", "measured", 5),
        ("b", "EXITED", "lead", 5),
    ]


def test_leaves_top_only_because_others_moved(outcome: Settle) -> None:
    log = [e for n, user in enumerate("abcdef") for e in points(user, n + 1)]
    log += points("a", 9, START + HOUR)
    result = outcome(SCORE, TOP, log)
    assert result.told() == [
        ("e", "ENTERED", "top", 1),
        ("f", "ENTERED", "top", 1),
        ("a", "ENTERED", "top", 2),
        ("e", "EXITED", "top", 2),
    ]
    assert result.causes()[-2:] == [("a", "ENTERED", "event"), ("e", "EXITED", "population")]


def test_leaves_top_because_window_moved_on_is_time(outcome: Settle) -> None:
    log = [*points("a", 1, START + HOUR), *points("b", 5), event("c", "other", START + 5 * HOUR)]
    result = outcome(SCORE, TOP, log)
    assert result.told() == [("b", "ENTERED", "top", 2), ("b", "EXITED", "top", 5)]
    assert result.causes() == [("b", "ENTERED", "population"), ("b", "EXITED", "time")]


def test_percentile_between_boundaries_is_that_of_the_last_one(outcome: Settle) -> None:
    # Ticks of 30 min, boundaries of 1 h: what happens after 1 h is in the score at 1.5 h, in percentiles at 2 h.
    segments = {**TOP, "much": {"when": "score >= 5"}}
    log = [*points("a", 2), *points("b", 1), *points("b", 4, START + HOUR + MINUTE)]
    assert outcome(SCORE, segments, log, tick="30m", until=START + 2 * HOUR).told() == [
        ("a", "ENTERED", "top", 1),
        ("b", "ENTERED", "much", 1.5),
        ("a", "EXITED", "top", 2),
        ("b", "ENTERED", "top", 2),
    ]


def test_one_joins_with_the_score_of_another_who_leaves(outcome: Settle) -> None:
    # At 5 the histogram stays as it is, though its members are others; at 6 only w is left, too few for a percentile.
    log = [*points("v", 3), *points("u", 1, START + HOUR), *points("w", 3, START + 4 * HOUR)]
    result = outcome(SCORE, TOP, [*log, event("u", "x", START + 7 * HOUR)], population={"minimum": 2})
    assert result.told() == [
        ("v", "ENTERED", "top", 2),
        ("v", "EXITED", "top", 5),
        ("w", "ENTERED", "top", 5),
        ("w", "EXITED", "top", 6),
    ]
    assert result.causes()[-1] == ("w", "EXITED", "population")
