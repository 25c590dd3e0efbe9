"""The oracle's lives of users against values worked out by hand. Ticks of 1 h; users are forgotten after 3 h."""

import pytest

from tests.oracle.small import HOUR, START, Run, column, event, story

SCORE = {"score": {"kind": "rolling_count", "window": "24h", "every": "1h", "event": "x"}}
HERE = {"here": {"when": "NOT score > 99"}}


def at(hours: float, user: str = "a", name: str = "x") -> dict[str, object]:
    return event(user, name, START + int(hours * HOUR))


def beat(hours: float) -> dict[str, object]:
    return {"event_id": f"beat{hours}", "name": "heartbeat", "occurred_at": START + int(hours * HOUR)}


@pytest.mark.parametrize(("last", "forgotten"), [(0, 3), (0.5, 4), (1, 4)])
def test_forgotten_at_the_first_tick_that_is_late_enough(run: Run, last: float, forgotten: int) -> None:
    log = [at(0), at(last), beat(9)]
    told = [("a", "ENTERED", "here", 1), ("a", "EXITED", "here", forgotten)]
    assert story(run(SCORE, HERE, log, forget_after="3h")) == told


def test_event_counted_at_that_tick_keeps_the_user(run: Run) -> None:
    # Idle until 3 h 30 min, so to be forgotten at 4 h, where the event of 3 h 30 min counts.
    oracle = run(SCORE, HERE, [at(0.5), at(3.5), beat(9)], forget_after="3h")
    assert story(oracle) == [("a", "ENTERED", "here", 1), ("a", "EXITED", "here", 7)]
    assert column(oracle, "score") == [1, 1, 1, 2, 2, 2]


def test_event_counted_at_the_tick_after_begins_anew(run: Run) -> None:
    oracle = run(SCORE, HERE, [at(0.5), at(4), beat(9)], forget_after="3h")
    changes = oracle.settled_changes()
    assert [(c.action, (c.effective_at - START) / HOUR, c.sequence) for c in changes] == [
        ("ENTERED", 1, 1),
        ("EXITED", 4, 2),
        ("ENTERED", 5, 3),
        ("EXITED", 7, 4),
    ]
    assert column(oracle, "score") == [1, 1, 1, 1, 1]


def test_forgotten_users_leave_the_population(run: Run) -> None:
    segments = {"lowest": {"when": "percentile(score) = 0"}, "above": {"when": "percentile(score) = 100"}}
    # At 3 h a has 2 and b would have 1: a would be above, were b not gone by then.
    log = [at(0, "b"), at(0, "a"), at(2, "a"), at(4, "a"), beat(6)]
    assert story(run(SCORE, segments, log, forget_after="3h")) == [
        ("a", "ENTERED", "lowest", 1),
        ("b", "ENTERED", "lowest", 1),
        ("b", "EXITED", "lowest", 3),
        ("a", "EXITED", "lowest", 7),
    ]
