"""The oracle's memberships, changes, acceptance and reading of files: one boundary each."""

import gzip
import hashlib
import hmac
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.load import jsonl_rows
from tests.oracle.rules import to_sql
from tests.oracle.small import DAY, HOUR, START, Run, event, story

#: What the user sent last hour: `p` counts p and so on, `n` counts n.
NOW: dict[str, Any] = {
    name: {"kind": "rolling_count", "window": "1h", "every": "1h", "event": name} for name in ("n", "p", "q", "r")
}


def signals(user: str, *hours: str) -> list[dict[str, Any]]:
    """Each text holds the events of one hour, seen at the tick that ends it: "pq" means that p and q are 1 there."""
    return [event(user, name, START + i * HOUR) for i, names in enumerate(hours) for name in ("n", *names)]


def held(run: Run, segments: dict[str, Any], *hours: str) -> dict[str, str]:
    """For each segment, a character per tick: x where the user is in it."""
    oracle = run(NOW, segments, signals("a", *hours))
    rows = oracle.memberships_at_every_tick().fetchall()
    return {name: "".join(".x"[("a", name, tick) in rows] for tick in oracle.ticks()) for name in segments}


def test_membership_without_until_follows_when(run: Run) -> None:
    assert held(run, {"s": {"when": "p = 1"}}, "", "p", "p", "", "p") == {"s": ".xx.x"}


def test_membership_stays_while_until_is_false(run: Run) -> None:
    assert held(run, {"s": {"when": "p = 1", "until": "q = 1"}}, "p", "", "q", "", "p") == {"s": "xx..x"}


def test_membership_enters_although_until_is_true(run: Run) -> None:
    assert held(run, {"s": {"when": "p = 1", "until": "q = 1"}}, "pq", "pq", "pq") == {"s": "x.x"}


def test_membership_unknown_ends_and_does_not_begin(run: Run) -> None:
    # 1 / q is NULL where q = 0.
    assert held(run, {"s": {"when": "p = 1", "until": "1 / q = 2"}}, "pq", "q", "") == {"s": "xx."}
    assert held(run, {"s": {"when": "1 / q = 1"}}, "", "q", "") == {"s": ".x."}


def test_dwell_leaves_at_first_tick_when_it_has_passed(run: Run) -> None:
    assert held(run, {"s": {"when": "p = 1", "min_dwell": "2h"}}, "p", "", "", "", "p") == {"s": "xx..x"}


def test_dwell_counts_from_entry_not_from_last_true(run: Run) -> None:
    assert held(run, {"s": {"when": "p = 1", "min_dwell": "2h"}}, "p", "p", "p", "") == {"s": "xxx."}


def test_dwell_not_a_multiple_of_the_tick(run: Run) -> None:
    assert held(run, {"s": {"when": "p = 1", "min_dwell": "90m"}}, "p", "", "", "") == {"s": "xx.."}


def test_dwell_null_does_not_override(run: Run) -> None:
    assert held(run, {"s": {"when": "p / q = 1", "min_dwell": "2h"}}, "pq", "", "", "") == {"s": "xx.."}


def test_group_highest_priority_wins(run: Run) -> None:
    group = {
        "low": {"when": "p = 1", "group": "g", "priority": 1},
        "high": {"when": "q = 1", "group": "g", "priority": 2},
    }
    assert held(run, group, "p", "pq", "q", "p") == {"low": "x..x", "high": ".xx."}


def test_group_losing_ends_dwell(run: Run) -> None:
    group = {
        "low": {"when": "p = 1", "min_dwell": "9h", "group": "g", "priority": 1},
        "high": {"when": "q = 1", "group": "g", "priority": 2},
    }
    assert held(run, group, "p", "", "q", "", "p") == {"low": "xx..x", "high": "..x.."}


def test_group_dwelling_high_keeps_low_out(run: Run) -> None:
    group = {
        "low": {"when": "p = 1", "group": "g", "priority": 1},
        "high": {"when": "q = 1", "min_dwell": "2h", "group": "g", "priority": 2},
    }
    assert held(run, group, "q", "p", "p") == {"low": "..x", "high": "xx."}


def test_in_segment_reads_the_same_tick_after_groups(run: Run) -> None:
    segments = {
        "reader": {"when": "in_segment('low') AND NOT in_segment('high')"},
        "low": {"when": "p = 1", "group": "g", "priority": 1},
        "high": {"when": "q = 1", "group": "g", "priority": 2},
        "second": {"when": "in_segment('reader')", "min_dwell": "2h"},
    }
    assert held(run, segments, "p", "pq", "q", "p") == {
        "reader": "x..x",
        "low": "x..x",
        "high": ".xx.",
        "second": "xx.x",
    }


def test_in_segment_cycle_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="cycle"):
        run(NOW, {"a": {"when": "in_segment('b')"}, "b": {"when": "in_segment('a')"}}, [])


def test_states_equal_a_plain_loop(run: Run) -> None:
    rng = random.Random(3)
    hours = ["".join(name for name in "pqr" if rng.random() < 0.4) for _ in range(300)]
    dwell, group = {"a": 0, "b": 3, "c": 2}, [("c", "r"), ("b", "q"), ("a", "p")]
    segments = {
        name: {"when": f"{signal} = 1", "min_dwell": f"{dwell[name]}h", "group": "g", "priority": i}
        for i, (name, signal) in enumerate(reversed(group))
    }
    inside, expected = dict[str, int](), dict.fromkeys(segments, "")
    for tick, sent in enumerate(hours):
        holds = {}
        for name, signal in group:
            holds[name] = signal in sent or (name in inside and tick - inside[name] < dwell[name])
        winner = next((name for name, _ in group if holds[name]), None)
        inside = {winner: inside.get(winner, tick)} if winner else {}
        for name in expected:
            expected[name] += ".x"[name in inside]
    assert held(run, segments, *hours) == expected


def test_changes_exits_first_then_by_name(run: Run) -> None:
    segments = {"z": {"when": "p = 1"}, "b": {"when": "q = 1"}, "a": {"when": "q = 1"}, "y": {"when": "p = 1"}}
    changes = run(NOW, segments, signals("u", "p", "q")).settled_changes()
    assert [(c.sequence, c.action, c.segment, c.memberships) for c in changes] == [
        (1, "ENTERED", "y", ("y",)),
        (2, "ENTERED", "z", ("y", "z")),
        (3, "EXITED", "y", ("z",)),
        (4, "EXITED", "z", ()),
        (5, "ENTERED", "a", ("a",)),
        (6, "ENTERED", "b", ("a", "b")),
    ]


def test_changes_ids_and_pseudonyms(run: Run) -> None:
    (change,) = run(NOW, {"s": {"when": "p = 1"}}, signals("ü", "p")).settled_changes()
    internal = hmac.new(b"state", "ü".encode(), hashlib.sha256).digest()
    subject = "s1." + hmac.new(b"publish", internal, hashlib.sha256).hexdigest()[:32]
    text = f"{subject}|s|ENTERED|{START + HOUR}"
    assert (change.subject_id, change.change_id) == (subject, hashlib.sha256(text.encode()).hexdigest()[:32])


def test_changes_none_after_the_last_tick(run: Run) -> None:
    oracle = run(NOW, {"s": {"when": "p = 1"}}, signals("a", "p", "p", "", "p"))
    assert story(oracle) == [("a", "ENTERED", "s", 1), ("a", "EXITED", "s", 3), ("a", "ENTERED", "s", 4)]
    assert story(oracle, START + 2 * HOUR) == [("a", "ENTERED", "s", 1)]
    assert oracle.membership_intervals() == {
        ("a", "s", START + HOUR, START + 3 * HOUR),
        ("a", "s", START + 4 * HOUR, None),
    }


@pytest.mark.parametrize(("distance", "count"), [(0, 1), (DAY, 1), (DAY + 1, 2)])
def test_accepted_again_after_24_hours(run: Run, distance: int, count: int) -> None:
    oracle = run(NOW, {"s": {"when": "TRUE"}}, [event("a", "n", START + d, event_id="i") for d in (distance, 0)])
    assert len(oracle.accepted()) == count


def test_accepted_measured_from_the_last_accepted(run: Run) -> None:
    hours = [0, 20, 30, 50, 55]  # 20 h repeats 0 h, 30 h is new, 50 h repeats 30 h, 55 h is new
    oracle = run(NOW, {"s": {"when": "TRUE"}}, [event("a", "n", START + h * HOUR, event_id="i", v=h) for h in hours])
    assert [(o - START) // HOUR for *_, o in oracle.accepted()] == [0, 30, 55]


def test_accepted_one_id_of_two_users(run: Run) -> None:
    oracle = run(NOW, {"s": {"when": "TRUE"}}, [event(user, "n", START, event_id="i") for user in "ab"])
    assert len(oracle.accepted()) == 2


def test_accepted_same_time_other_content_is_refused(run: Run) -> None:
    oracle = run(NOW, {"s": {"when": "TRUE"}}, [event("a", "n", START, event_id="i", v=v) for v in (1, 2)])
    with pytest.raises(ValueError, match="other content"):
        oracle.accepted()


def test_log_that_is_empty(run: Run) -> None:
    assert run(NOW, {"s": {"when": "TRUE"}}, []).settled_changes() == []


def test_rule_text_leaves_literals_alone() -> None:
    assert to_sql("a = 'it''s 1.5 percentile(x)' AND percentile( x ) > 1.5") == (
        "a = 'it''s 1.5 percentile(x)' AND \"percentile(x)\" > 1.5e0"
    )


def test_rule_text_hours_since(run: Run) -> None:
    features = {"seen": {"kind": "recency", "event": "p"}, **NOW}
    oracle = run(features, {"s": {"when": "hours_since(seen) > 1.5"}}, signals("a", "", "p", "", ""))
    assert story(oracle) == [("a", "ENTERED", "s", 3)]  # NULL at 1 h, 1.0 at 2 h, 2.0 at 3 h


def test_rule_text_unknown_key_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="flag"):
        run(NOW, {"s": {"when": "TRUE", "flag": "f"}}, [])


def line(**changed: Any) -> str:
    event = {"event_id": "1", "user_id": "a", "name": "x", "occurred_at": 5, **changed}
    return json.dumps(event)


def test_jsonl_leaves_out_malformed_lines(tmp_path: Path) -> None:
    good = [
        line(properties={"f": 1e-07, "b": True, "n": None, "i": 3, "t": "ä"}),
        line(event_id="2", occurred_at="1970-01-01T01:00:00.000001+01:00"),
        '{"event_id":"3","name":"heartbeat","occurred_at":3600000009}',
    ]
    times = [-1, 3_600_000_010, 1.5, True, None, "2026-01-01T00:00:00", "soon"]
    no_properties: list[Any] = [[], "text", {"v": float("nan")}]
    bad = [
        *("{", "[]", "1", '{"event_id":"1","name":"x","occurred_at":5}'),
        *(line(occurred_at=value) for value in times),
        *(line(**{key: value}) for key in ("event_id", "user_id", "name") for value in ("", 7, None, "\ud800")),
        *(line(properties=value) for value in no_properties),
    ]
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join([*good, "", *bad]).encode() + b'\n{"event_id":"\xff"}'))
    assert list(jsonl_rows([path], now=9)) == [
        ("1", "a", "x", 5, '{"b": "true", "f": "1e-7", "i": "3", "t": "ä"}'),
        ("2", "a", "x", 1, "{}"),
        ("3", "", "heartbeat", 3600000009, "{}"),
    ]


def test_until_is_evaluated_anew(run: Run) -> None:
    oracle = run(NOW, {"s": {"when": "p = 1"}}, signals("a", "p", "", "p"))
    ends = [START + h * HOUR for h in (1, 2, 3)]
    stories = [story(oracle, end) for end in ends]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(stories))
    assert story(oracle) == stories[-1]
