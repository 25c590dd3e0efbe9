"""What changes say they rest on, by hand: comparisons with what was measured, and the rival that won the group."""

import json
from typing import Any

from tests.acceptance.conftest import Settle
from tests.oracle.small import HOUR, MINUTE, START, event

JOURNEY = {"j": {"kind": "journey", "start": "go", "complete": {"all_of": ["done"]}, "deadline": "1d"}}


def evidence(outcome: Any) -> list[tuple[str, str, list[tuple[str, str, Any, str | None]]]]:
    """(action, segment, [(feature, operator, value, threshold)]) in order of sequence."""
    rows = outcome.changes.sort("sequence").iter_rows(named=True)
    return [
        (row["action"], row["segment"], [tuple(each.values()) for each in json.loads(row["evidence"])]) for row in rows
    ]


def test_numbers_texts_and_nulls(outcome: Settle) -> None:
    features = {
        "clicks": {"kind": "rolling_count", "window": "2h", "every": "1h", "event": "p"},
        "source": {"kind": "attribute", "property": "s", "keep": "first"},
        "plan": {"kind": "attribute", "property": "p", "keep": "first"},
    }
    segments = {"x": {"when": "percentile(clicks) >= 80 AND source IN ('ad', 'say \"hi\"') AND plan IS NULL"}}
    log = [event("a", "p", START, s='say "hi"'), event("a", "p", START + 1), event("b", "p", START + 2)]
    assert evidence(outcome(features, segments, log)) == [
        (
            "ENTERED",
            "x",
            [
                ("percentile(clicks)", ">=", 100.0, "80"),
                ("source", "IN", 'say "hi"', '["ad", "say \\"hi\\""]'),
                ("plan", "IS NULL", None, None),
            ],
        )
    ]


def test_times_and_intervals_are_readable(outcome: Settle) -> None:
    segments = {"x": {"when": "j.time_to_complete <= INTERVAL '1' DAY AND j.started_at IS NOT NULL"}}
    log = [event("a", "go", START), event("a", "done", START + 2 * HOUR + 5 * MINUTE + 250_000)]
    started = "2001-09-09T00:00:00.000000Z"
    assert evidence(outcome(JOURNEY, segments, log)) == [
        (
            "ENTERED",
            "x",
            [("j.time_to_complete", "<=", "2h5m0.25s", "1d"), ("j.started_at", "IS NOT NULL", started, None)],
        )
    ]


def test_interval_without_a_fraction(outcome: Settle) -> None:
    segments = {"x": {"when": "j.time_to_complete > INTERVAL '1' MINUTE"}}
    log = [event("a", "go", START), event("a", "done", START + 26 * HOUR + 100 * 1_000_000)]
    assert evidence(outcome(JOURNEY, segments, log))[0][2] == [("j.time_to_complete", ">", "26h1m40s", "1m")]


def test_leaving_rests_on_until_and_names_the_rival_that_won(outcome: Settle) -> None:
    features = {"clicks": {"kind": "rolling_count", "window": "9h", "every": "1h", "event": "p"}}
    segments = {
        "some": {"when": "clicks >= 1", "until": "clicks >= 9", "group": "g", "priority": 1},
        "many": {"when": "clicks >= 3", "group": "g", "priority": 2},
        "both": {"when": "in_segment('many')"},
    }
    log = [event("a", "p", START), event("a", "p", START + HOUR), event("a", "p", START + HOUR + 1)]
    assert evidence(outcome(features, segments, log)) == [
        ("ENTERED", "some", [("clicks", ">=", 1, "1")]),
        ("EXITED", "some", [("clicks", ">=", 3, "9"), ("group(g)", "=", "many", None)]),
        ("ENTERED", "both", [("in_segment(many)", "", True, None)]),
        ("ENTERED", "many", [("clicks", ">=", 3, "3")]),
    ]


def test_largest_number_has_no_negative_zero(outcome: Settle) -> None:
    """Equal numbers are one number, whatever other events they come with."""
    features = {"amount": {"kind": "attribute", "property": "v", "keep": "max"}}
    log = [event(f"u{n}", "p", START + n, v=-0.0 if n % 2 else 0.0) for n in range(20)]
    found = evidence(outcome(features, {"x": {"when": "amount <= 0"}}, log))
    assert [repr(comparison[2]) for _, _, [comparison] in found] == ["0.0"] * 20


def test_zeros_that_were_reckoned_keep_their_sign(outcome: Settle) -> None:
    features = {name: {"kind": "attribute", "property": name, "keep": "max"} for name in ("v", "w")}
    log = [event(f"u{n}", "p", START + n, v=0, w=-1 if n % 2 else 1) for n in range(20)]
    found = evidence(outcome(features, {"x": {"when": "v * w <= 0"}}, log))
    assert sorted(repr(comparison[2]) for _, _, [comparison] in found) == ["-0.0"] * 10 + ["0.0"] * 10
