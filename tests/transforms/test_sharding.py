"""Splitting by shard: every event in its user's shard once, and no raw id in what goes out."""

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.columns.hashing import hash_strings
from segmentation.identity.pseudonyms import Keys, Pseudonymizer, stable_shards
from segmentation.identity.sharder import Sharder
from segmentation.messages import EventsOfShard, decode_as
from segmentation.rules.file import parse_rules

KEYS = Keys(b"state key of a test", b"publish key of a test")
RULES = parse_rules(
    """
version: 1
features:
  channel: {kind: attribute, property: channel, keep: first}
  invites: {kind: journey, start: signup, complete: {all_of: [{event: invite, distinct: invitee, at_least: 2}]}}
segments:
  s: {when: channel = 'a' AND invites.steps_done > 0}
""",
    "rules.yaml",
)
NAMES = st.sampled_from(["signup", "invite", "view", "heartbeat", "consent"])
EVENTS = st.lists(
    st.tuples(st.sampled_from([f"user-{n}@example.org" for n in range(9)]), NAMES, st.sampled_from([None, "p1", "p2"]))
)

_COLUMNS = ("user", "id_high", "id_low", "at", "name", "p:channel", "h:invitee", "tie")


def _frame(events: list[tuple[str, str, str | None]]) -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = [
        (f"e{row}", user, name, row, "a" if name == "signup" else None, invitee, None)
        for row, (user, name, invitee) in enumerate(events)
    ]
    kinds = {"event_id": pl.String, "user_id": pl.String, "name": pl.String, "occurred_at": pl.Int64}
    kinds |= dict.fromkeys(["p:channel", "p:invitee", "p:granted"], pl.String)
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _rows(batches: dict[int, EventsOfShard]) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for batch in batches.values():
        columns = {**batch.columns, **{name: texts.to_list() for name, texts in batch.texts.items()}}
        for values in zip(*(columns.get(name, ()) for name in _COLUMNS), strict=True):
            row = dict(zip(_COLUMNS, values, strict=True))
            name = batch.names[row["name"]] if row["name"] >= 0 else None
            key = (batch.users[row["user"]], row["id_high"], row["id_low"], row["at"], name)
            found[(*key, row["p:channel"], row["h:invitee"], row["tie"])] += 1
    return found


@given(EVENTS, st.integers(1, 7))
def test_every_event_once_in_the_shard_of_its_user(events: list[tuple[str, str, str | None]], shards: int) -> None:
    batches = Sharder(RULES, shards, KEYS).split(_frame(events), clock=5)
    assert sorted(batches) == list(range(shards))
    pseudonymizer = Pseudonymizer(KEYS)
    expected: Counter[tuple[Any, ...]] = Counter()
    for row, (user, name, invitee) in enumerate(events):
        if name == "heartbeat":
            continue
        [internal] = pseudonymizer.internals([user])
        high, low = hash_strings(pl.Series([f"e{row}"]))
        sealed = None if invitee is None else pseudonymizer.sealed([invitee])[0]
        channel = "a" if name == "signup" else None
        tie = f"e{row}" if channel else None
        counted = None if name == "consent" else name
        expected[(internal, int(high[0]), int(low[0]), row, counted, channel, sealed, tie)] += 1
    assert _rows(batches) == expected
    for shard, batch in batches.items():
        assert batch.clock == 5
        assert (stable_shards(batch.users, shards) == shard).all()


@pytest.mark.parametrize("shards", [1, 3, 16])
def test_every_shard_gets_the_clock_though_it_has_no_events(shards: int) -> None:
    batches = Sharder(RULES, shards, KEYS).split(_frame([("ann", "view", None)]), clock=7)
    assert [batch.clock for batch in batches.values()] == [7] * shards
    assert sum(len(batch) for batch in batches.values()) == 1


def test_raw_ids_end_here() -> None:
    events = [("ann@example.org", "invite", "bob@example.org"), ("ann@example.org", "signup", None)]
    for batch in Sharder(RULES, 2, KEYS).split(_frame(events), clock=1).values():
        data = batch.encode()
        assert b"example.org" not in data
        assert "example.org" not in repr(decode_as(EventsOfShard, data))


def test_batches_survive_their_bytes() -> None:
    batches = Sharder(RULES, 3, KEYS).split(_frame([("ann", "signup", None), ("bob", "invite", "p1")]), clock=None)
    assert _rows({shard: decode_as(EventsOfShard, batch.encode()) for shard, batch in batches.items()}) == _rows(
        batches
    )
