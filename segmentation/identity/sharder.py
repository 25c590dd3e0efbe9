"""Decoded events as batches per shard, with pseudonyms for users: where raw user ids end."""

from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow.compute as pc

from segmentation.columns.arrays import I64, Column
from segmentation.columns.hashing import hash_strings
from segmentation.columns.texts import Texts
from segmentation.features.reading import RESERVED_EVENTS
from segmentation.identity.pseudonyms import Keys, Pseudonymizer, stable_shards
from segmentation.messages import EventsOfShard
from segmentation.rules.model import Rules
from segmentation.rules.property_plan import property_plan, touches

HEARTBEAT = "heartbeat"


class Sharder:
    """Splits decoded events by `stable_shards`. Every shard gets a batch, if only with the clock.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, features: {seen: {kind: recency}}, segments: {here: {when: seen IS NOT NULL}}}"
    >>> sharder = Sharder(parse_rules(text, "rules.yaml"), 2, Keys(b"a state key", b"a publish key"))
    >>> columns = {"event_id": ["e1", "e2"], "user_id": ["ann", "ann"], "name": ["visit"] * 2, "occurred_at": [5, 6]}
    >>> batches = sharder.split(pl.DataFrame(columns), clock=6)
    >>> sorted((len(batch), len(batch.users), batch.clock) for batch in batches.values())
    [(0, 0, 6), (2, 1, 6)]
    """

    def __init__(self, rules: Rules, shards: int, keys: Keys) -> None:
        self._shards = shards
        self._plan = property_plan(rules)
        self._touches = ["p:" + name for name in touches(rules)]
        self._pseudonymizer = Pseudonymizer(keys)

    def split(self, events: pl.DataFrame, clock: int | None) -> dict[int, EventsOfShard]:
        """By shard its batch. ``events`` has the columns of `transforms.event_batch.EventBatch`."""
        names = _texts(events["name"])
        heartbeat = None
        if HEARTBEAT in names.values:
            beats = names.codes == names.values.index(HEARTBEAT)
            heartbeat = events["occurred_at"].to_numpy()[beats].max().item()
            events, names = events.filter(pl.Series(~beats)), names.take(~beats)
        users = _texts(events["user_id"])
        internals = self._pseudonymizer.internals(users.values)
        order, edges = self._by_shard(users, internals)
        columns, texts = self._columns(events, names, order)
        codes = users.codes[order]
        known = tuple(text for text in names.values if text not in RESERVED_EVENTS)
        batches = {}
        for shard, (start, end) in enumerate(pairwise(edges)):
            if start == end:
                batches[shard] = EventsOfShard.only_clock(clock, heartbeat)
                continue
            own, user = _renumbered(codes[start:end], len(internals))
            of_shard: dict[str, Column] = {"user": user}
            of_shard |= {name: column[start:end] for name, column in columns.items()}
            own_texts = {name: column.take(slice(start, end)).compact() for name, column in texts.items()}
            people = [internals[each] for each in own]
            batches[shard] = EventsOfShard(people, of_shard, own_texts, known, clock, heartbeat)
        return batches

    def _by_shard(self, users: Texts, internals: list[bytes]) -> tuple[I64, list[int]]:
        """The order that brings the events of each shard together, and where the shards' parts begin and end."""
        shard = stable_shards(internals, self._shards)[users.codes]
        edges = np.append(0, np.cumsum(np.bincount(shard, minlength=self._shards)))
        return np.argsort(shard, kind="stable"), edges.tolist()

    def _columns(self, events: pl.DataFrame, names: Texts, order: I64) -> tuple[dict[str, Column], dict[str, Texts]]:
        """The columns of events (but ``user``) and those of texts, in the given order."""
        high, low = hash_strings(events["event_id"])
        numbers, number = [], 0
        for text in names.values:
            numbers.append(-1 if text in RESERVED_EVENTS else number)
            number += text not in RESERVED_EVENTS
        name = np.array([*numbers, -1], np.int32)[names.codes]
        columns = {"id_high": high, "id_low": low, "at": events["occurred_at"].to_numpy(), "name": name}
        texts = {"p:" + name: _texts(events["p:" + name]) for name in self._plan.plain}
        for sealed in self._plan.sealed:
            texts["h:" + sealed] = self._sealed(_texts(events["p:" + sealed]))
        if self._touches:
            texts["tie"] = self._ties(events, texts)
        return (
            {each: column[order] for each, column in columns.items()},
            {each: column.take(order) for each, column in texts.items()},
        )

    def _ties(self, events: pl.DataFrame, texts: dict[str, Texts]) -> Texts:
        """The ids of the events that carry something whose first or last value counts."""
        carries = np.zeros(len(events), np.bool_)
        for name in self._touches:
            carries |= texts[name].present()
        rows = np.flatnonzero(carries)
        codes = np.full(len(events), -1, np.int32)
        codes[rows] = np.arange(len(rows), dtype=np.int32)
        return Texts(codes, events["event_id"].gather(rows).to_list() if len(rows) else [])

    def _sealed(self, values: Texts) -> Texts:
        return Texts(values.codes, self._pseudonymizer.sealed(values.values))


def _renumbered(codes: Column, size: int) -> tuple[list[int], Column]:
    """The distinct codes (all below ``size``), sorted, and the position of each row's code among them."""
    present = np.zeros(size, np.bool_)
    present[codes] = True
    user: Column = (np.cumsum(present) - 1)[codes].astype(np.uint32)
    return np.flatnonzero(present).tolist(), user


def _texts(values: pl.Series) -> Texts:
    """A column of strings by position among its distinct values."""
    encoded = pc.dictionary_encode(values.to_arrow(compat_level=pl.CompatLevel.oldest()))
    codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int32)
    return Texts(codes, encoded.dictionary.to_pylist())
