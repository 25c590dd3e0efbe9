"""Boundaries of forgetting. Expected values are computed by hand; ticks of 1 h, users are forgotten after 3 h."""

import json

import pytest

from tests.acceptance.conftest import Settle
from tests.oracle.small import HOUR, START, event

COUNT = {"score": {"kind": "rolling_count", "window": "24h", "every": "1h", "event": "p"}}
HERE = {"here": {"when": "NOT score > 99"}}


def at(hours: float, user: str = "a", name: str = "p", event_id: str = "") -> dict[str, object]:
    return event(user, name, START + int(hours * HOUR), event_id)


def test_forgotten_users_are_in_no_segment_and_begin_anew(outcome: Settle) -> None:
    segments = {**HERE, "many": {"when": "score >= 2", "min_dwell": "9d"}}
    # Forgotten at 4 h; the event of 5 h counts at 6 h, as the first of all.
    result = outcome(COUNT, segments, [at(0), at(0.5), at(5), at(20, "b")], forget_after="3h")
    assert result.told() == [
        ("a", "ENTERED", "here", 1),
        ("a", "ENTERED", "many", 1),
        ("a", "EXITED", "here", 4),
        ("a", "EXITED", "many", 4),
        ("a", "ENTERED", "here", 6),
        ("a", "EXITED", "here", 8),
        ("b", "ENTERED", "here", 21),
    ]
    exits = result.changes.filter(result.changes["effective_at"] == START + 4 * HOUR)
    assert set(exits["cause"]) == {"time"}
    told = {json.dumps(json.loads(text)) for text in exits["evidence"]}
    assert told == {
        '[{"feature": "forget_after", "operator": ">=", "value": "3h30m0s", "threshold": "3h"}]',
    }


def test_event_that_counts_at_the_very_tick_keeps_the_user(outcome: Settle) -> None:
    result = outcome(COUNT, HERE, [at(0.5), at(3.99), at(20, "b")], forget_after="3h")
    assert result.told()[:2] == [("a", "ENTERED", "here", 1), ("a", "EXITED", "here", 7)]


@pytest.mark.parametrize("event_id", ["", "same"], ids=["another_event", "a_repeat"])
def test_repeats_are_told_from_new_events_after_forgetting(outcome: Settle, event_id: str) -> None:
    log = [at(0, event_id="same"), at(9, event_id=event_id), at(20, "b")]
    told = [each for each in outcome(COUNT, HERE, log, forget_after="3h").told() if each[0] == "a"]
    assert len(told) == (2 if event_id else 4)


def test_a_group_ends_as_a_whole(outcome: Settle) -> None:
    segments = {
        "low": {"when": "TRUE", "group": "g", "priority": 1},
        "high": {"when": "score >= 1", "group": "g", "priority": 2, "min_dwell": "9d"},
        "follows": {"when": "NOT in_segment('low')"},
    }
    told = outcome(COUNT, segments, [at(0), at(8, "b")], forget_after="3h").told()
    assert [each for each in told if each[0] == "a"] == [
        ("a", "ENTERED", "follows", 1),
        ("a", "ENTERED", "high", 1),
        ("a", "EXITED", "follows", 3),
        ("a", "EXITED", "high", 3),
    ]


def test_between_two_boundaries_the_population_keeps_who_is_forgotten(outcome: Settle) -> None:
    features = {"score": {"kind": "rolling_count", "window": "24h", "every": "2h", "event": "p"}}
    segments = {"above": {"when": "percentile(score) = 100"}}
    # b is forgotten at 3 h, so from the boundary 4 h on a is alone, and 0.
    log = [at(0, "b"), at(0), at(1), at(4, name="x")]
    assert outcome(features, segments, log, forget_after="3h").told() == [
        ("a", "ENTERED", "above", 2),
        ("a", "EXITED", "above", 4),
    ]


def test_back_before_the_boundary_is_a_new_user_without_percentile(outcome: Settle) -> None:
    features = {"score": {"kind": "rolling_count", "window": "24h", "every": "6h", "event": "p"}}
    segments = {"ranked": {"when": "percentile(score) >= 0"}}
    # Ranked since the boundary 6 h, forgotten at 8 h, back at 9 h, ranked again from the boundary 12 h on.
    log = [at(4.5), at(8), at(11), at(12.5, name="x")]
    assert outcome(features, segments, log, forget_after="3h").told() == [
        ("a", "ENTERED", "ranked", 6),
        ("a", "EXITED", "ranked", 8),
        ("a", "ENTERED", "ranked", 12),
    ]


def test_reserved_events_keep_a_user(outcome: Settle) -> None:
    log = [at(0), at(2, name="consent"), at(8, "b")]
    assert ("a", "EXITED", "here", 5) in outcome(COUNT, HERE, log, forget_after="3h").told()


def test_event_that_waits_is_of_the_life_that_began_meanwhile(outcome: Settle) -> None:
    # Gone at 3 h, back at 5 h: the event of 7 h, which has long arrived, goes on with that life.
    result = outcome(COUNT, {"two": {"when": "score = 2"}}, [at(0), at(4.5), at(6.5), at(8, "b")], forget_after="3h")
    assert result.told() == [("a", "ENTERED", "two", 7)]
