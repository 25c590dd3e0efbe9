"""Boundaries of membership: dwell, groups, references, unknowns. Expected values are computed by hand."""

import pytest

from tests.acceptance.conftest import Settle
from tests.oracle.small import HOUR, MINUTE, START, event

COUNT = {"score": {"kind": "rolling_count", "window": "1h", "every": "1h", "event": "p"}}
OTHER = {"other": {"kind": "rolling_count", "window": "1h", "every": "1h", "event": "q"}}


def at(hours: float, name: str = "p", user: str = "a") -> dict[str, object]:
    return event(user, name, START + int(hours * HOUR))


@pytest.mark.parametrize(
    ("dwell", "left"), [("1h", 2), ("3h", 4), ("150m", 4), ("181m", 5)], ids=["1h", "3h", "2h30m", "3h1m"]
)
def test_dwell_ends_without_any_event(outcome: Settle, dwell: str, left: int) -> None:
    # Entered at 1 h; the condition is false from 2 h on.
    result = outcome(COUNT, {"s": {"when": "score >= 1", "min_dwell": dwell}}, [at(0), at(7, "x", "b")])
    assert result.told() == [("a", "ENTERED", "s", 1), ("a", "EXITED", "s", left)]
    assert result.causes()[-1] == ("a", "EXITED", "time")


def test_dwell_counts_from_the_latest_entry(outcome: Settle) -> None:
    segments = {"s": {"when": "score >= 1", "min_dwell": "2h"}}
    told = outcome(COUNT, segments, [at(0), at(4), at(9, "x")]).told()
    assert [(action, when) for _, action, _, when in told] == [
        ("ENTERED", 1),
        ("EXITED", 3),
        ("ENTERED", 5),
        ("EXITED", 7),
    ]


def test_condition_true_again_during_dwell_keeps_membership(outcome: Settle) -> None:
    told = outcome(COUNT, {"s": {"when": "score >= 1", "min_dwell": "3h"}}, [at(0), at(2), at(3), at(8, "x")]).told()
    assert [(action, when) for _, action, _, when in told] == [("ENTERED", 1), ("EXITED", 5)]


def test_until_keeps_between_the_two_cuts(outcome: Settle) -> None:
    segments = {"s": {"when": "score >= 3", "until": "score < 2"}}
    log = [at(h + n / 100) for h, number in enumerate([2, 3, 2, 1, 2]) for n in range(number)]
    assert outcome(COUNT, segments, log).told() == [("a", "ENTERED", "s", 2), ("a", "EXITED", "s", 4)]


def test_when_and_until_both_true_alternates(outcome: Settle) -> None:
    told = outcome(COUNT, {"s": {"when": "score >= 0", "until": "score >= 0"}}, [at(0), at(3)]).told()
    assert [(action, when) for _, action, _, when in told] == [
        ("ENTERED", 1),
        ("EXITED", 2),
        ("ENTERED", 3),
        ("EXITED", 4),
    ]


def test_losing_to_a_higher_priority_ends_dwell(outcome: Settle) -> None:
    segments = {
        "low": {"when": "score >= 1", "group": "g", "priority": 1, "min_dwell": "9h"},
        "high": {"when": "other >= 1", "group": "g", "priority": 2},
    }
    # After high has left at 3 h, low does not come back: its dwell ended and its condition is false.
    assert outcome({**COUNT, **OTHER}, segments, [at(0), at(1, "q"), at(6, "x")]).told() == [
        ("a", "ENTERED", "low", 1),
        ("a", "EXITED", "low", 2),
        ("a", "ENTERED", "high", 2),
        ("a", "EXITED", "high", 3),
    ]


def test_dwelling_higher_priority_keeps_out_a_lower_one(outcome: Settle) -> None:
    segments = {
        "low": {"when": "score >= 0", "group": "g", "priority": 1},
        "high": {"when": "score >= 1", "group": "g", "priority": 2, "min_dwell": "3h"},
    }
    assert outcome(COUNT, segments, [at(0), at(5, "x")]).told() == [
        ("a", "ENTERED", "high", 1),
        ("a", "EXITED", "high", 4),
        ("a", "ENTERED", "low", 4),
    ]


def test_in_segment_follows_in_the_same_tick(outcome: Settle) -> None:
    segments = {
        "c": {"when": "in_segment('b')"},
        "b": {"when": "in_segment('a')"},
        "a": {"when": "score >= 1"},
        "d": {"when": "NOT in_segment('a')"},
    }
    told = outcome(COUNT, segments, [at(0), at(4, "x")]).told()
    assert [(action, segment, when) for _, action, segment, when in told] == [
        ("ENTERED", "a", 1),
        ("ENTERED", "b", 1),
        ("ENTERED", "c", 1),
        ("EXITED", "a", 2),
        ("EXITED", "b", 2),
        ("EXITED", "c", 2),
        ("ENTERED", "d", 2),
    ]


def test_in_segment_sees_who_won_the_group(outcome: Settle) -> None:
    segments = {
        "low": {"when": "score >= 1", "group": "g", "priority": 1},
        "high": {"when": "other >= 1", "group": "g", "priority": 2},
        "follows": {"when": "in_segment('low')"},
    }
    log = [at(0), at(0, "q"), at(1), at(2, "x")]
    assert outcome({**COUNT, **OTHER}, segments, log).told() == [
        ("a", "ENTERED", "high", 1),
        ("a", "EXITED", "high", 2),
        ("a", "ENTERED", "follows", 2),
        ("a", "ENTERED", "low", 2),
        ("a", "EXITED", "follows", 3),
        ("a", "EXITED", "low", 3),
    ]


def test_unknown_until_ends_membership(outcome: Settle) -> None:
    # There never is a q, so its age is unknown, and so is `until`.
    features = {"clicks": {"kind": "recency", "event": "q"}, **COUNT}
    segments = {
        "s": {"when": "score >= 1", "until": "hours_since(clicks) > 1"},
        "kept": {"when": "score >= 1", "until": "hours_since(clicks) > 1", "min_dwell": "2h"},
    }
    assert outcome(features, segments, [at(0), at(1, "x"), at(3, "x")]).told() == [
        ("a", "ENTERED", "kept", 1),
        ("a", "ENTERED", "s", 1),
        ("a", "EXITED", "s", 2),
        ("a", "EXITED", "kept", 3),
    ]


@pytest.mark.parametrize(("sign", "entered"), [(">", 3.5), (">=", 3)])
def test_hours_since_passes_a_literal_exactly_on_a_tick(outcome: Settle, sign: str, entered: float) -> None:
    features = {"seen": {"kind": "recency"}}
    segments = {"s": {"when": f"hours_since(seen) {sign} 2.5"}}
    log = [event("a", "p", START + 30 * MINUTE), event("b", "p", START + 5 * HOUR)]
    assert ("a", "ENTERED", "s", entered) in outcome(features, segments, log, tick="30m").told()


def test_status_has_a_segment_before_the_journey_starts(outcome: Settle) -> None:
    features = {"j": {"kind": "journey", "start": "go", "complete": {"any_of": ["go"]}}}
    segments = {
        "waiting": {"when": "j.status = 'not_started'"},
        "done": {"when": "j.time_to_complete = INTERVAL '0' HOUR"},
    }
    assert outcome(features, segments, [at(0), at(1, "go")]).told() == [
        ("a", "ENTERED", "waiting", 1),
        ("a", "EXITED", "waiting", 2),
        ("a", "ENTERED", "done", 2),
    ]
