"""Events exactly on an edge: of a pane, a tick, a deadline, the end of a run. Expected values are computed by hand."""

import pytest

from tests.acceptance.conftest import Settle, Told
from tests.oracle.small import HOUR, MINUTE, START, event

TWO = {"score": {"kind": "rolling_count", "window": "2h", "every": "1h", "event": "p"}}
ANY = {"any": {"when": "score >= 1"}}
JOURNEY = {"j": {"kind": "journey", "start": "go", "complete": {"all_of": ["done"]}, "deadline": "3h"}}
STATUSES = {
    "in_time": {"when": "j.status = 'completed_in_time'"},
    "late": {"when": "j.status = 'completed_late'"},
    "overdue": {"when": "j.status = 'overdue'"},
}


@pytest.mark.parametrize(("at", "entered", "left"), [(HOUR - 1, 1, 3), (HOUR, 2, 4), (HOUR + 1, 2, 4)])
def test_pane_edge(outcome: Settle, at: int, entered: float, left: float) -> None:
    told = outcome(TWO, ANY, [event("a", "p", START + at), event("b", "x", START + 5 * HOUR)]).told()
    assert told == [("a", "ENTERED", "any", entered), ("a", "EXITED", "any", left)]


def test_pane_edge_with_finer_ticks_hops_out_by_whole_panes(outcome: Settle) -> None:
    # At 2.5 h the window reaches back to 1 h, at 3.0 h still; from 3.5 h on it begins at 2 h.
    log = [event("a", "p", START + HOUR + MINUTE), event("b", "x", START + 5 * HOUR)]
    told = outcome(TWO, ANY, log, tick="30m").told()
    assert told == [("a", "ENTERED", "any", 1.5), ("a", "EXITED", "any", 3.5)]


def test_event_exactly_on_tick_counts_from_the_next(outcome: Settle) -> None:
    log = [event("a", "p", START), event("a", "p", START + HOUR)]
    assert outcome(TWO, {"two": {"when": "score = 2"}}, log).told() == [("a", "ENTERED", "two", 2)]


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (3 * HOUR, [("a", "ENTERED", "in_time", 4.0)]),
        (3 * HOUR + 1, [("a", "ENTERED", "late", 4.0)]),
        (4 * HOUR, [("a", "ENTERED", "overdue", 4.0), ("a", "EXITED", "overdue", 5.0), ("a", "ENTERED", "late", 5.0)]),
    ],
    ids=["exactly", "one_microsecond_late", "after_the_tick"],
)
def test_completion_at_deadline(outcome: Settle, at: int, told: list[Told]) -> None:
    assert outcome(JOURNEY, STATUSES, [event("a", "go", START), event("a", "done", START + at)]).told() == told


@pytest.mark.parametrize(("began", "overdue"), [(0, 4), (1, 4), (HOUR - 1, 4), (HOUR, 5)])
def test_overdue_from_first_tick_after_deadline(outcome: Settle, began: int, overdue: int) -> None:
    log = [event("a", "go", START + began), event("b", "x", START + 6 * HOUR)]
    result = outcome(JOURNEY, STATUSES, log)
    assert result.told() == [("a", "ENTERED", "overdue", overdue)]
    assert result.causes() == [("a", "ENTERED", "time")]


def test_until_before_the_end_of_the_log(outcome: Settle) -> None:
    # The last tick <= 2 h 59 min is 2 h; the event at 2 h counts from 3 h on.
    log = [event("a", "p", START), event("b", "p", START + 2 * HOUR), event("c", "p", START + 9 * HOUR)]
    told = outcome(TWO, ANY, log, until=START + 3 * HOUR - 1).told()
    assert told == [("a", "ENTERED", "any", 1)]


def test_until_after_the_end_of_the_log(outcome: Settle) -> None:
    log = [event("a", "p", START), event("b", "go", START)]
    told = outcome({**TWO, **JOURNEY}, {**ANY, **STATUSES}, log, until=START + 5 * HOUR).told()
    assert told == [("a", "ENTERED", "any", 1), ("a", "EXITED", "any", 3), ("b", "ENTERED", "overdue", 4)]


def test_until_before_the_first_event(outcome: Settle) -> None:
    log = [event("a", "p", START)]
    assert outcome(TWO, ANY, log, until=START - HOUR).told() == []


def test_end_of_the_log_is_the_first_tick_after_it(outcome: Settle) -> None:
    # Nobody leaves by the mere end of the log, and what happens at its last instant is seen.
    log = [event("a", "p", START), event("b", "p", START + HOUR)]
    assert outcome(TWO, ANY, log).told() == [("a", "ENTERED", "any", 1), ("b", "ENTERED", "any", 2)]


def test_heartbeat_moves_the_end(outcome: Settle) -> None:
    log = [event("a", "p", START), {**event("", "heartbeat", START + 3 * HOUR), "user_id": ""}]
    assert outcome(TWO, ANY, log).told() == [("a", "ENTERED", "any", 1), ("a", "EXITED", "any", 3)]
