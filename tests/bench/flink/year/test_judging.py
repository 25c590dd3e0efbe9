"""A judge finds what is missing, invented, different or repeated otherwise."""

from typing import Any

import pytest

from schemas.codec import encode_single_object
from tests.acceptance.comparing import Settled
from tests.acceptance.driving import KEYS
from tests.bench.flink.year.judging import Came, Judge, Verdict
from tests.bench.flink.year.plan import year

JUDGE = Judge(year(0.0001), KEYS)
EXPECTED = list(JUDGE.expected_as_settled())


def message(change: Settled, **other: Any) -> bytes:
    record = {
        **change._asdict(),
        "memberships": list(change.memberships),
        "stage": "ON_TIME",
        "cause": "event",
        "early_index": None,
        "rules_version": 1,
        "evidence": [],
        "flags": {},
        "emitted_at": 0,
        "trace_context": None,
        **other,
    }
    return encode_single_object("segment_change", record)


def verdict(messages: list[bytes]) -> Verdict:
    came = Came(JUDGE)
    for each in messages:
        came.take(each)
    return came.verdict()


ALL = [message(change) for change in EXPECTED]


def test_all_that_is_expected_is_exact_in_any_order_and_with_repeats() -> None:
    found = verdict([*reversed(ALL), *ALL[:7]])
    assert found.exact
    assert (found.came, found.expected, found.repeats) == (len(ALL), len(ALL), 7)


def test_early_changes_are_counted_only() -> None:
    came = Came(JUDGE)
    came.take(message(EXPECTED[0], stage="EARLY"))
    assert (came.early, len(came)) == (1, 0)


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        (ALL[1:], "missing"),
        ([*ALL, message(EXPECTED[0], change_id="0" * 32)], "extra"),
        ([*ALL[1:], message(EXPECTED[0], sequence=EXPECTED[0].sequence + 1)], "different"),
        ([*ALL[1:], message(EXPECTED[0], memberships=["gone", "overdue"])], "different"),
        ([*ALL, message(EXPECTED[0], effective_at=5)], "different"),
        ([*ALL[1:], message(EXPECTED[0], stage="LATE")], "odd"),
        ([*ALL[1:], message(EXPECTED[0], rules_version=2)], "odd"),
    ],
)
def test_each_way_of_being_wrong_is_told(messages: list[bytes], kind: str) -> None:
    found = verdict(messages)
    assert not found.exact
    assert {name: getattr(found, name) for name in ("missing", "extra", "different", "odd")} == {
        **dict.fromkeys(("missing", "extra", "different", "odd"), 0),
        kind: 1,
    }
    assert found.examples
