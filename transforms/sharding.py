"""Decoded events as batches per shard, with pseudonyms for users: where raw user ids end."""

import numpy as np
import polars as pl
import pyarrow.compute as pc

from segmentation.batches import EventsOfShard
from segmentation.config import RESERVED_EVENTS, Rules
from segmentation.features.timeline import I64, Column
from segmentation.hashing import hash_strings
from segmentation.pseudonyms import Keys, Pseudonymizer, stable_shard
from segmentation.reading import property_plan, touches

HEARTBEAT = "heartbeat"


class Sharder:
    """Splits decoded events by ``stable_shard(internal id)``. Every shard gets a batch, if only with the clock."""

    def __init__(self, rules: Rules, shards: int, keys: Keys) -> None:
        self._shards = shards
        self._plan = property_plan(rules)
        self._touches = ["p:" + name for name in touches(rules)]
        self._pseudonymizer = Pseudonymizer(keys)

    def split(self, events: pl.DataFrame, clock: int | None) -> dict[int, EventsOfShard]:
        """By shard its batch. ``events`` has the columns of `transforms.event_batch.EventBatch`."""
        heartbeats = events.filter(pl.col("name") == HEARTBEAT)
        heartbeat = heartbeats["occurred_at"].to_numpy().max().item() if len(heartbeats) else None
        if len(heartbeats):
            events = events.filter(pl.col("name") != HEARTBEAT)
        codes, internals = self._users(events["user_id"])
        shard_of_user = np.array([stable_shard(internal, self._shards) for internal in internals], np.int64)
        shard = shard_of_user[codes]
        order = np.argsort(shard, kind="stable")
        edges = np.searchsorted(shard[order], np.arange(self._shards + 1))
        columns, names = self._columns(events)
        columns = columns[order]
        codes = codes[order]
        batches = {}
        for number in range(self._shards):
            start, end = int(edges[number]), int(edges[number + 1])
            present = np.zeros(len(internals), np.bool_)
            present[codes[start:end]] = True
            users = np.flatnonzero(present)
            local = np.cumsum(present)[codes[start:end]] - 1
            table = columns[start:end].with_columns(user=pl.Series(local.astype(np.uint32)))
            batches[number] = EventsOfShard([internals[user] for user in users], table, names, clock, heartbeat)
        return batches

    def _users(self, user_ids: pl.Series) -> tuple[I64, list[bytes]]:
        codes, texts = _dictionary(user_ids)
        return codes, self._pseudonymizer.internals(texts)

    def _columns(self, events: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
        high, low = hash_strings(events["event_id"])
        codes, texts = _dictionary(events["name"])
        names = [text for text in texts if text not in RESERVED_EVENTS]
        numbers = np.array([names.index(text) if text in names else -1 for text in texts], np.int32)
        columns: dict[str, pl.Series | Column] = {
            "id_high": high,
            "id_low": low,
            "at": events["occurred_at"],
            "name": numbers[codes],
        }
        for name in self._plan.plain:
            columns["p:" + name] = events["p:" + name]
        for name in self._plan.sealed:
            columns["h:" + name] = self._sealed(events["p:" + name])
        if self._touches:
            carries = events.select(pl.any_horizontal(pl.col(name).is_not_null() for name in self._touches)).to_series()
            columns["tie"] = pl.select(pl.when(carries).then(events["event_id"]).otherwise(None)).to_series()
        return pl.DataFrame(columns), tuple(names)

    def _sealed(self, values: pl.Series) -> pl.Series:
        distinct = values.drop_nulls().unique()
        if not len(distinct):
            return pl.Series([None] * len(values), dtype=pl.String)
        sealed = self._pseudonymizer.sealed(distinct)
        return values.replace_strict(distinct, pl.Series(sealed), default=None, return_dtype=pl.String)


def _dictionary(values: pl.Series) -> tuple[I64, list[str]]:
    """Each value's position in the list of distinct values. Shape: (len(values),)."""
    encoded = pc.dictionary_encode(values.to_arrow(compat_level=pl.CompatLevel.oldest()))
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()
