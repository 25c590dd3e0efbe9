"""Which of several events with one id counts. Expected values are computed by hand."""

import pytest

from tests.acceptance.conftest import Settle
from tests.oracle.small import DAY, HOUR, START, event

FEATURES = {
    "score": {"kind": "rolling_count", "window": "40d", "every": "1h", "event": "p"},
    "plan": {"kind": "attribute", "property": "plan", "keep": "last"},
}
COUNTS = {"one": {"when": "score = 1"}, "two": {"when": "score = 2"}, "pro": {"when": "plan = 'pro'"}}


def test_one_event_id_of_two_users_counts_for_both(outcome: Settle) -> None:
    log = [event(user, "p", START, event_id="same") for user in "ab"]
    assert outcome(FEATURES, COUNTS, log).told() == [("a", "ENTERED", "one", 1), ("b", "ENTERED", "one", 1)]


def test_one_event_id_with_other_content_is_the_earlier_one(outcome: Settle) -> None:
    log = [event("a", "p", START + HOUR, "same", plan="pro"), event("a", "p", START, "same", plan="free")]
    assert outcome(FEATURES, COUNTS, log).told() == [("a", "ENTERED", "one", 1)]


def test_exact_repetition_counts_once(outcome: Settle) -> None:
    log = [event("a", "p", START)] * 3
    assert outcome(FEATURES, COUNTS, log).told() == [("a", "ENTERED", "one", 1)]


@pytest.mark.parametrize(("later", "told_at"), [(DAY, None), (DAY + 1, 25.0), (10 * DAY, 241.0)])
def test_same_id_after_24_hours_is_a_new_event(outcome: Settle, later: int, told_at: float | None) -> None:
    log = [event("a", "p", START, "same"), event("a", "p", START + later, "same")]
    expected = [("a", "ENTERED", "one", 1.0)]
    if told_at is not None:
        expected += [("a", "EXITED", "one", told_at), ("a", "ENTERED", "two", told_at)]
    assert outcome(FEATURES, COUNTS, log).told() == expected


def test_24_hours_count_from_the_last_accepted(outcome: Settle) -> None:
    # 20 h repeats 0 h, 30 h is new, 50 h repeats 30 h, 55 h is new.
    segments = {"three": {"when": "score = 3"}, "two": {"when": "score = 2"}}
    log = [event("a", "p", START + h * HOUR, "same", h=h) for h in (0, 20, 30, 50, 55)]
    assert outcome(FEATURES, segments, log).told() == [
        ("a", "ENTERED", "two", 31),
        ("a", "EXITED", "two", 56),
        ("a", "ENTERED", "three", 56),
    ]


def test_repeated_id_of_a_reserved_event_counts_against_it(outcome: Settle) -> None:
    consent = {**event("a", "consent", START, "same", granted=True)}
    log = [consent, event("a", "p", START + HOUR, "same"), event("a", "p", START + 2 * HOUR)]
    assert outcome(FEATURES, COUNTS, log).told() == [("a", "ENTERED", "one", 3)]
