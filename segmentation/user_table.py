"""The users of one shard and what is known of them as of the last settled tick."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.batches import FeaturesOfShard
from segmentation.conditions import raw_columns
from segmentation.config import Journey, Rules
from segmentation.features.attributes import NO_VALUE
from segmentation.features.timeline import Changes, Column, Span, grown, latest

_JOURNEY = ("status", "started_at", "completed_at", "time_to_complete", "steps_done")


class UserTable:
    """Internal ids, raw feature columns (one value per user) and the vocabularies of attributes."""

    def __init__(self, rules: Rules) -> None:
        self.internals: list[bytes] = []
        self.vocabularies: dict[str, list[str]] = {}
        self._fills = raw_columns(rules)
        self.columns: dict[str, Column] = {name: np.array([], _dtype(fill)) for name, fill in self._fills.items()}
        self._rows: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.internals)

    def taken_in(self, features: FeaturesOfShard) -> pl.DataFrame:
        """The rows of ``features`` with this table's user numbers and codes; new users get a row each."""
        rows = features.rows
        numbers = np.array([self._row(internal) for internal in features.users], np.int64)
        recoded = [pl.Series("user", numbers[rows["user"].to_numpy()])]
        for name, texts in features.vocabularies.items():
            codes = np.array([*self._codes(name, texts), NO_VALUE], np.int64)
            recoded.append(pl.Series(name, codes[rows[name].to_numpy()]))
        self.columns = {name: grown(values, len(self), self._fills[name]) for name, values in self.columns.items()}
        return rows.with_columns(recoded)

    def timeline(self, rows: pl.DataFrame, span: Span) -> Changes:
        """What holds from when on: at index 0 what held before the span, then ``rows``; sorted by key.

        Besides the features the columns ``event`` and ``late``: whether one was accepted in just that tick.
        """
        new = span.keys(rows["user"].to_numpy(), span.index(rows["tick"].to_numpy()))
        keys = np.concatenate([np.arange(len(self)) * span.stride, new])
        order = np.argsort(keys, kind="stable")
        columns = {
            name: np.concatenate([values, rows[name].to_numpy()])[order] for name, values in self.columns.items()
        }
        for flag in ("event", "late"):
            columns[flag] = np.concatenate([np.zeros(len(self), np.bool_), rows[flag].to_numpy()])[order]
        return Changes(keys[order], columns)

    def now(self) -> Changes:
        """What holds, as a timeline of a span without ticks."""
        return Changes(np.arange(len(self)), self.columns)

    def move_to_end(self, timeline: Changes, span: Span) -> None:
        """Let what holds at the end of the span hold."""
        self.columns = latest(timeline, self.columns, span)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``users``, ``columns`` and ``vocabulary/…``."""
        return {
            "users": pl.DataFrame({"internal": pl.Series(self.internals, dtype=pl.Binary)}),
            "columns": pl.DataFrame(self.columns),
            **{
                f"vocabulary/{name}": pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
                for name, texts in self.vocabularies.items()
            },
        }

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave.

        Raises:
            KeyError: they hold other features than the rules declare.
        """
        self.internals = tables["users"]["internal"].to_list()
        self._rows = {internal: row for row, internal in enumerate(self.internals)}
        self.columns = {name: tables["columns"][name].to_numpy().copy() for name in self.columns}
        for name, table in tables.items():
            kind, _, feature = name.partition("/")
            if kind == "vocabulary":
                self.vocabularies[feature] = table["text"].to_list()

    def _row(self, internal: bytes) -> int:
        row = self._rows.get(internal)
        if row is None:
            row = self._rows[internal] = len(self.internals)
            self.internals.append(internal)
        return row

    def _codes(self, name: str, texts: list[str]) -> list[int]:
        held = self.vocabularies.setdefault(name, [])
        known = {text: code for code, text in enumerate(held)}
        for text in texts:
            if text not in known:
                known[text] = len(held)
                held.append(text)
        return [known[text] for text in texts]


def feature_columns(rules: Rules) -> frozenset[str]:
    """Every column of every feature, as expressions name them (without percentiles)."""
    names: set[str] = set()
    for name, feature in rules.features.items():
        names |= {f"{name}.{part}" for part in _JOURNEY} if isinstance(feature, Journey) else {name}
    return frozenset(names)


def _dtype(fill: object) -> type[np.generic]:
    return np.float64 if isinstance(fill, float) else np.int64
