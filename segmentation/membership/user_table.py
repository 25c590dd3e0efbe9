"""The users of one shard, and their stored feature values at the last settled tick."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.growing import grown
from segmentation.features.nulls import NO_VALUE
from segmentation.features.timeline import Span, Timeline, Updates, write_latest
from segmentation.messages import IDLE, FeaturesOfShard
from segmentation.rules.model import Rules
from segmentation.rules.thresholds import stored_columns


class UserTable:
    """Internal ids, the stored columns of features (one value per user) and the vocabularies of attributes.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> table = UserTable(rules)
    >>> rows = {"user": np.array([0, 1]), "tick": np.array([60, 60]), "clicks": np.array([2, 3])}
    >>> table.taken_in(FeaturesOfShard([b"a", b"b"], rows, {}, settled=0, until=60))["user"].tolist()
    [0, 1]
    >>> table.internals, table.columns["clicks"].tolist()
    ([b'a', b'b'], [0, 0])
    """

    def __init__(self, rules: Rules) -> None:
        self.internals: list[bytes] = []
        self.vocabularies: dict[str, list[str]] = {}
        self._fills = stored_columns(rules) | ({} if rules.forget_after is None else {IDLE: 0})
        self.columns: dict[str, Column] = {name: np.array([], _dtype(fill)) for name, fill in self._fills.items()}
        #: Which users a tick has settled anything of; the others are known from previews alone.
        self.settled: Bool = np.zeros(0, np.bool_)
        self._rows: dict[bytes, int] = {}
        self._known: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self.internals)

    def taken_in(self, features: FeaturesOfShard) -> dict[str, Column]:
        """The rows of ``features`` with this table's user numbers and codes; new users get a row each."""
        numbers = np.array([self._row(internal) for internal in features.users], np.int64)
        rows = {**features.rows, "user": numbers[features.rows["user"]]}
        if self.forgets:
            rows.setdefault(IDLE, np.zeros(len(rows["user"]), np.int64))
        for name, texts in features.vocabularies.items():
            rows[name] = np.array([*self._codes(name, texts), NO_VALUE], np.int64)[rows[name]]
        self.columns = {name: grown(values, len(self), self._fills[name]) for name, values in self.columns.items()}
        self.settled = grown(self.settled, len(self), fill=False)
        return rows

    @property
    def forgets(self) -> bool:
        """Whether users are forgotten."""
        return IDLE in self.columns

    @property
    def forgotten(self) -> Bool:
        """Which users are forgotten."""
        return self.columns[IDLE] > 0 if self.forgets else np.zeros(len(self), np.bool_)

    def timeline(self, rows: Mapping[str, Column], span: Span) -> Timeline:
        """The timeline of a span with these ``rows``, which are sorted by (user, tick) as in the message."""
        keys = span.keys(rows["user"], span.index(rows["tick"]))
        columns = {name: rows[name] for name in (*self.columns, "event", "late")}
        if len(keys) > 1 and not (keys[1:] > keys[:-1]).all():
            order = np.argsort(keys)
            keys, columns = keys[order], {name: values[order] for name, values in columns.items()}
        return Timeline(self.columns, Updates(keys, columns), span.stride)

    def now(self) -> Timeline:
        """The present values, as a timeline of a span without ticks."""
        nothing = np.empty(0, np.int64)
        return Timeline(self.columns, Updates(nothing, {name: values[:0] for name, values in self.columns.items()}), 1)

    def move_to_end(self, timeline: Timeline, span: Span) -> None:
        """Keep the values that hold at the end of the span."""
        columns = {name: timeline.changes.columns[name] for name in self.columns}
        write_latest(Updates(timeline.changes.keys, columns), self.columns, span)
        self.settled[timeline.changes.keys // span.stride] = True

    def keep(self, rows: I64) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``, and of the vocabularies what they use."""
        self.internals = [self.internals[row] for row in rows.tolist()]
        self._rows = {internal: row for row, internal in enumerate(self.internals)}
        self.columns = {name: values[rows] for name, values in self.columns.items()}
        self.settled = self.settled[rows]
        for name, texts in self.vocabularies.items():
            used, place = np.unique(np.append(self.columns[name], NO_VALUE), return_inverse=True)
            # The first of the distinct codes is always the one for no value, so that it stays -1.
            self.columns[name] = place[:-1] - 1
            self.vocabularies[name] = [texts[code] for code in used[1:].tolist()]
            self._known[name] = {text: code for code, text in enumerate(self.vocabularies[name])}

    def join(self, other: Self) -> None:
        """Take in the users of another table behind the own ones; ``other`` must not be used any more."""
        for name, texts in other.vocabularies.items():
            codes = np.array([*self._codes(name, texts), NO_VALUE], np.int64)
            other.columns[name] = codes[other.columns[name]]
        self._rows |= {internal: row for row, internal in enumerate(other.internals, len(self))}
        self.internals += other.internals
        self.columns = {name: np.append(values, other.columns[name]) for name, values in self.columns.items()}
        self.settled = np.append(self.settled, other.settled)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``users``, ``columns`` and ``vocabulary/…``."""
        return {
            "users": pl.DataFrame({"internal": pl.Series(self.internals, dtype=pl.Binary), "settled": self.settled}),
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
        known = tables["users"]
        # A state of an earlier version doesn't say it: nearly all users were.
        self.settled = (
            known["settled"].to_numpy().copy() if "settled" in known.columns else np.ones(len(known), np.bool_)
        )
        held = tables["columns"]
        if IDLE in held.columns:
            self._fills[IDLE] = 0
        self.columns = {
            name: held[name].to_numpy().copy()
            if name != IDLE or name in held.columns
            else np.zeros(len(held), np.int64)
            for name in self._fills
        }
        for name, table in tables.items():
            kind, _, feature = name.partition("/")
            if kind == "vocabulary":
                self._codes(feature, table["text"].to_list())

    def _row(self, internal: bytes) -> int:
        row = self._rows.get(internal)
        if row is None:
            row = self._rows[internal] = len(self.internals)
            self.internals.append(internal)
        return row

    def _codes(self, name: str, texts: list[str]) -> list[int]:
        held = self.vocabularies.setdefault(name, [])
        known = self._known.setdefault(name, {})
        for text in texts:
            if text not in known:
                known[text] = len(held)
                held.append(text)
        return [known[text] for text in texts]


def _dtype(fill: object) -> type[np.generic]:
    return np.float64 if isinstance(fill, float) else np.int64
