"""A job that goes on from a state: refused where it makes its state with something else, the same changes where not."""

import base64
import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
import pytest
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from schemas.types import DeadLetter
from segmentation.errors import FATAL
from segmentation.rules.file import parse_rules
from segmentation.units import DAY, MINUTE, SECOND
from tests.transforms.live_shard import LiveShard, Stage
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY, KeySource
from transforms.mapping.model import Constant, EventMapping, LogColumn, LogTime
from transforms.refused_records import encode_refused
from transforms.state.errors import ShardStateError
from transforms.state.facts import StateFacts
from transforms.state.made_with import unpacked
from transforms.state.timing import Timing
from transforms.track_users import DEAD_LETTERS

START = 1_767_225_600_000_000
RULES = """
version: 1
tick: 30m
population: {minimum: 2}
features:
  score: {kind: rolling_score, window: 4h, every: 1h, weights: {click: 1, buy: 4}}
  plan: {kind: attribute, property: plan, keep: last, values: [free, pro]}
segments:
  top: {when: score >= 5, min_dwell: 90m}
  paid: {when: plan = 'pro'}
"""
MAPPING = EventMapping("json", LogColumn("who"), Constant("click"), LogTime("at", unit="s"))


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@dataclass(frozen=True)
class Other:
    """How a job differs from the one that made the state, and what the refusal says."""

    told: str
    rules: tuple[tuple[str, str], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


def edited(*edits: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    assert all(old in RULES for old, _ in edits)
    return edits


REFUSED = {
    "weight": Other("feature score weights.click 1 → 5;", edited(("click: 1", "click: 5"))),
    "weights": Other(
        "feature score weights.buy 4 → not there, feature score weights.sell not there → 4;",
        edited(("buy: 4", "sell: 4")),
    ),
    "window": Other("feature score window 4h → 6h;", edited(("window: 4h", "window: 6h"))),
    "kind": Other(
        "feature score default_weight 0 → not there,",
        edited(
            (
                "score: {kind: rolling_score, window: 4h, every: 1h, weights: {click: 1, buy: 4}}",
                "score: {kind: rolling_count, window: 4h, every: 1h}",
            )
        ),
    ),
    "values of an attribute": Other(
        'feature plan values ["free", "pro"] → ["pro", "free"];', edited(("[free, pro]", "[pro, free]"))
    ),
    "feature added": Other(
        "feature seen not there → there;", edited(("segments:", "  seen: {kind: recency}\nsegments:"))
    ),
    "feature removed": Other(
        "feature plan there → not there, segment paid there → not there;",
        edited(
            ("  plan: {kind: attribute, property: plan, keep: last, values: [free, pro]}\n", ""),
            ("  paid: {when: plan = 'pro'}\n", ""),
        ),
    ),
    "segment changed": Other("segment top when score >= 5 → score >= 6;", edited(("score >= 5", "score >= 6"))),
    "dwell changed": Other("segment top min_dwell 1h30m → 1h;", edited(("min_dwell: 90m", "min_dwell: 1h"))),
    "segment added": Other("segment few not there → there;", edited(("  paid:", "  few: {when: score = 1}\n  paid:"))),
    "segment removed": Other("segment paid there → not there;", edited(("  paid: {when: plan = 'pro'}\n", ""))),
    "order of segments": Other(
        "order of segments top, paid → paid, top;",
        edited(
            ("  paid: {when: plan = 'pro'}\n", ""),
            ("  top: {when", "  paid: {when: plan = 'pro'}\n  top: {when"),
        ),
    ),
    "tick": Other("tick 30m → 1h;", edited(("tick: 30m", "tick: 1h"))),
    "population": Other("population.minimum 2 → 3;", edited(("minimum: 2", "minimum: 3"))),
    "state key": Other("the state key is another one;", keys={STATE_KEY: key("x")}),
    "publish key": Other("the pseudonym key is another one;.*--new-pseudonym-key accept", keys={PUBLISH_KEY: key("x")}),
    "mapping": Other("--mapping none → there;", facts={"mapping": MAPPING}),
    "disorder": Other("--max-disorder 10s → 20s;", facts={"timing": Timing(bounded=False, max_disorder=20 * SECOND)}),
    "duplicates": Other(
        "--duplicates-within 1d → 7d;",
        facts={"timing": Timing(bounded=False, max_disorder=10 * SECOND, duplicates_within=7 * DAY)},
    ),
    "shards": Other("--shards 1 → 2;.*segments state export", facts={"shards": 2}),
}
CONTINUED = {
    "nothing": Other(""),
    "version": Other("", edited(("version: 1", "version: 7"))),
    "comments, spelling, order of weights": Other(
        "",
        edited(
            ("{click: 1, buy: 4}", "{buy: 4, click: 1}"),
            ("tick: 30m", "tick: 30m  # half an hour"),
            ("score >= 5", "(score>=5)"),
            ("window: 4h", "window: 240m"),
        ),
    ),
    "publish key, on purpose": Other("", facts={"new_publish_key": True}, keys={PUBLISH_KEY: key("x")}),
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_KEY, key("s"))
    monkeypatch.setenv(PUBLISH_KEY, key("p"))


def facts_of(other: Other) -> StateFacts:
    text = RULES
    for old, new in other.rules:
        text = text.replace(old, new)
    timing = Timing(bounded=False, max_disorder=10 * SECOND)
    facts = StateFacts(parse_rules(text, "rules.yaml"), timing, 1, KeySource())
    return replace(facts, **other.facts)


def undisturbed(_stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
    return call()


def job(other: Other, *, early: bool = True) -> LiveShard:
    facts = facts_of(other)
    return LiveShard(facts.rules, facts.timing, undisturbed, early=early, facts=facts)


def bundles() -> list[pl.DataFrame]:
    """A morning of three users, bundle by bundle."""
    rows = [
        (
            f"e{number}",
            f"u{number % 3}",
            "buy" if number % 4 == 0 else "click",
            START + number * 7 * MINUTE,
            ("free", "pro")[number % 7 < 3],
        )
        for number in range(60)
    ]
    frame = pl.DataFrame(rows, ["event_id", "user_id", "name", "occurred_at", "p:plan"], orient="row")
    return [frame[start : start + 5] for start in range(0, len(frame), 5)]


def play(shard: LiveShard, frames: list[pl.DataFrame], *, end: bool = False) -> None:
    for frame in frames:
        shard.events(frame)
        shard.watermark(Timestamp(micros=frame["occurred_at"].to_numpy().max().item() - 10 * SECOND))
    if end:
        shard.watermark(MAX_TIMESTAMP)


@functools.cache
def undivided() -> LiveShard:
    """One job all over."""
    shard = job(Other(""))
    play(shard, bundles(), end=True)
    return shard


@functools.cache
def first_half() -> LiveShard:
    """A job of the rules and keys above that has stopped; not to be played on."""
    shard = job(Other(""))
    play(shard, bundles()[:6])
    shard.assign.timers.set(Timestamp(1), "1")
    return shard


def resumed(shard: LiveShard, earlier: LiveShard) -> LiveShard:
    shard.track.put_back(earlier.track.cells())
    shard.assign.put_back(earlier.assign.cells())
    return shard


@pytest.mark.parametrize("name", REFUSED)
def test_another_job_is_refused_by_both_stages_before_it_puts_anything_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, earlier = REFUSED[name], first_half()
    for variable, value in other.keys.items():
        monkeypatch.setenv(variable, value)
    shard = resumed(job(other), earlier)
    before = shard.track.cells(), shard.assign.cells()
    event = bundles()[6]
    letters = encode_refused([DeadLetter("undecodable", "E", "e", "DecodeEvents", "t", 1, b"{", 0)])
    attempts: dict[str, Callable[[], Any]] = {
        "events": lambda: shard.events(event),
        "dead letters": lambda: shard.track.process(letters),
        "a message to the second stage": lambda: shard.assign.process(b""),
        "a timer": shard.track.fire,
        "a timer of the second stage": shard.assign.fire,
    }
    for attempt in attempts.values():
        shard.track.put_back(before[0])
        shard.assign.put_back(before[1])
        with pytest.raises(ShardStateError, match=re.escape(other.told).replace(r"\.\*", ".*")) as refusal:
            attempt()
        assert FATAL in refusal.value.__notes__
        assert not [secret for secret in (key("s"), key("p"), key("x"), "ssss") if secret in str(refusal.value)]
    assert shard.changes == []


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("name", CONTINUED)
def test_what_may_differ_gives_the_settled_changes_of_one_job(
    name: str, early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, earlier, whole = CONTINUED[name], first_half(), undivided()
    for variable, value in other.keys.items():
        monkeypatch.setenv(variable, value)
    shard = resumed(job(other, early=early), earlier)
    play(shard, bundles()[6:], end=True)
    settled = [row for row in (*earlier.changes, *shard.changes) if row["stage"] != "EARLY"]
    assert [told(row) for row in settled] == [told(row) for row in whole.changes if row["stage"] != "EARLY"]
    assert {row["stage"] for row in shard.changes} >= {"ON_TIME"}
    # Whatever was said provisionally before is confirmed or taken back, by a run without early changes too.
    assert open_claims([*earlier.changes, *shard.changes]) == set() or other.keys


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a change says, but for who it names and by what version of the rules."""
    return tuple(row[name] for name in ("segment", "action", "effective_at", "stage", "cause", "sequence"))


def open_claims(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Who is said provisionally to have entered, without a change that confirms it or takes it back."""
    claimed: set[tuple[str, str]] = set()
    for row in rows:
        claim = row["subject_id"], row["segment"]
        if row["stage"] == "EARLY" and row["action"] == "ENTERED":
            claimed.add(claim)
        else:
            claimed.discard(claim)
    return claimed


def test_accepted_key_is_the_one_that_the_state_goes_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = first_half()
    monkeypatch.setenv(PUBLISH_KEY, key("x"))
    rotated = resumed(job(Other("", facts={"new_publish_key": True})), earlier)
    play(rotated, bundles()[6:8])
    again = resumed(job(Other("")), rotated)
    play(again, bundles()[8:])
    monkeypatch.setenv(PUBLISH_KEY, key("p"))
    with pytest.raises(ShardStateError, match="the pseudonym key is another one"):
        resumed(job(Other("")), again).events(bundles()[-1])


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (lambda fields: {**fields, "layout": 3}, r"layout 3 → \d+; start the version of this program that wrote it"),
        (lambda fields: {**fields, "layout": 99}, r"layout 99 → \d+; start the version of this program that wrote it"),
        (lambda _: [], r"layout None → \d+;"),
        (lambda fields: {**fields, "made_with": "AAAA"}, "what it was made with can't be read; begin anew"),
        (lambda fields: {**fields, "made_with": "é"}, "what it was made with can't be read; begin anew"),
        (lambda fields: {k: v for k, v in fields.items() if k != "made_with"}, "an older version wrote it"),
        (lambda _: None, "its head can't be read; begin anew"),
    ],
)
def test_head_that_this_version_does_not_write_is_refused(head: Callable[[Any], Any], told: str) -> None:
    shard = job(Other(""))
    play(shard, bundles()[:1])
    text, line_end, tail = (shard.track.head.value or b"").partition(b"\n")
    other = head(json.loads(text))
    shard.track.head.value = (b"{" if other is None else json.dumps(other).encode()) + line_end + tail
    with pytest.raises(ShardStateError, match=told):
        shard.events(bundles()[1])


def test_shard_that_no_savepoint_knows_is_refused_by_a_resumed_job_only() -> None:
    anew, going_on = job(Other("")), job(Other("", facts={"resumed": True}))
    play(anew, bundles()[:1])
    with pytest.raises(ShardStateError, match=r"there is none of shard 0; it was made with fewer --shards than 1"):
        going_on.events(bundles()[0])
    # Its second stage has no state before a first tick has settled.
    going_on.track.put_back(anew.track.cells())
    play(going_on, bundles()[1:], end=True)
    assert going_on.changes


def test_dead_letters_pass_and_leave_no_trace() -> None:
    shard = job(Other(""))
    letter = DeadLetter("undecodable", "E", "e", "DecodeEvents", "t", 1, b"{", 0)
    for _ in range(2):
        [first, second] = shard.track.process(encode_refused([letter, replace(letter, position=2)]))
        assert (first.tag, first.value, second.value.position) == (DEAD_LETTERS, letter, 2)
        assert shard.track.head.value is None
    play(shard, bundles()[:1])
    known = shard.track.cells()
    assert len(shard.track.process(encode_refused([letter]))) == 1
    assert shard.track.cells() == known


def test_head_holds_no_key_and_little_more() -> None:
    shard = job(Other(""))
    play(shard, bundles()[:1])
    text = (shard.track.head.value or b"").partition(b"\n")[0]
    made_with = json.loads(text)["made_with"]
    facts = unpacked(made_with)
    assert set(facts) == {
        *("tick", "population.minimum", "feature score", "feature plan", "segment top", "segment paid"),
        *("order of features", "order of segments", "--mapping", "--max-disorder", "--duplicates-within"),
        *("the state key", "the pseudonym key"),
    }
    assert re.fullmatch(r"[0-9a-f]{16}", facts["the state key"])
    assert "ssss" not in str(facts)
    assert len(made_with) < 1000
