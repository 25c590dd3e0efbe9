"""Attributes: what a property of a user's events says (the first, the last, the largest, how many different)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias, cast, get_args

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.growing import grown
from segmentation.columns.runs import Rows, Runs
from segmentation.columns.texts import Texts
from segmentation.expressions.nodes import Type
from segmentation.expressions.scope import ColumnType
from segmentation.expressions.values import Values
from segmentation.features import timeline
from segmentation.features.attribute_values import UNKNOWN, Vocabulary, numbers_of, order_by_tie
from segmentation.features.kind import Advance, EventParts, Feature, FeatureState, StoredState
from segmentation.features.nulls import NO_TIME, NO_VALUE
from segmentation.features.reading import KeyReader
from segmentation.features.sealed import Lanes, lanes
from segmentation.features.timeline import Events, Span, Updates

Keep: TypeAlias = Literal["first", "last", "max", "set"]


@dataclass(frozen=True)
class Attribute(Feature):
    """What a property of the user's events says; with ``values`` all others become `UNKNOWN`.

    ``first`` and ``last`` go by event time, ``max`` is the largest number, ``set`` the number of different values.

    >>> plan = Attribute("plan", "tier", "last", values=("free", "pro"))
    >>> plan.columns()["plan"].values
    ('free', 'pro', 'unknown')
    >>> plan.values_of({"plan": np.array([1, NO_VALUE])}, np.array([0, 0]), ("free", "pro", UNKNOWN))["plan"].to_list(2)
    ['pro', None]
    """

    kind = "attribute"
    keys = ("property", "keep", "values", "events", "event")
    needed = ("property", "keep")

    property: str
    keep: Keep = "last"
    values: tuple[str, ...] | None = None
    events: tuple[str, ...] = ()

    @classmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        """The feature that the rules file describes."""
        keep = cast(Keep | None, keys.choice("keep", get_args(Keep)))
        values = keys.texts("values")
        if values is not None and keep in ("max", "set"):
            keys.reader.report(keys.entries["values"].key, f"values go with keep: first or last, not with {keep}")
            values = None
        if values is not None and UNKNOWN in values:
            keys.report("values", f"{UNKNOWN!r} is what all other values become; leave it out")
        return cls(name, keys.text("property") or "", keep or "last", values, keys.events())

    def reads(self) -> EventParts:
        """The property: sealed where only the number of different values counts and they may be persons."""
        if self.keep == "set" and self.values is None:
            return EventParts(self.events, sealed=(self.property,))
        tied = (self.property,) if self.keep in ("first", "last") else ()
        return EventParts(self.events, plain=(self.property,), tied=tied)

    def columns(self) -> Mapping[str, ColumnType]:
        """The value, or the number of values."""
        if self.keep == "max":
            return {self.name: ColumnType(Type.DOUBLE)}
        if self.keep == "set":
            return {self.name: ColumnType(Type.INTEGER)}
        return {self.name: ColumnType(Type.STRING, None if self.values is None else (*self.values, UNKNOWN))}

    def stored(self) -> Mapping[str, int | float]:
        """A code, a number or a count."""
        return {self.name: {"max": float("nan"), "set": 0}.get(self.keep, NO_VALUE)}

    def values_of(self, stored: Mapping[str, Column], ticks: I64, texts: Sequence[str]) -> dict[str, Values]:  # noqa: ARG002
        """The value, NULL where there is none; a count is never NULL."""
        column = stored[self.name]
        if self.keep == "max":
            return {self.name: Values.unless(np.isnan(column), column)}
        return {self.name: Values(column) if self.keep == "set" else Values.strings(texts, column)}

    def state(self, tick: int, lateness: int) -> FeatureState:  # noqa: ARG002  # each value counts at once and for ever
        """The empty state."""
        if self.keep == "max":
            return LargestState(self)
        return DifferentState(self) if self.keep == "set" else TouchState(self)


class TouchState(StoredState):
    """The first or the last value by event time; ties in time break by event id.

    >>> state = TouchState(Attribute("source", "referral_source", keep="first"))
    >>> state.grow(1)
    >>> state.current()["source"].tolist()
    [-1]
    """

    def __init__(self, feature: Attribute) -> None:
        super().__init__(feature.stored())
        self.feature = feature
        self.vocabulary = Vocabulary(feature.values)
        self._at = np.empty(0, np.int64)
        self._tie = np.empty(0, np.object_)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        super().grow(users)
        self._at = grown(self._at, users, NO_TIME)
        self._tie = grown(self._tie, users, "")

    def advance(self, events: Events, span: Span, _only: Bool | None = None, /) -> Advance:
        """Values that come before (``first``) or after (``last``) what is known replace it. Column: codes."""
        rows, values = events.carrying(self.feature.events, "p:" + self.feature.property)
        user, at, ties = events.user[rows], events.at[rows], events.tie.take(rows)
        order = order_by_tie(user, at, ties)
        chosen = order[self._replaces(user[order], at[order], ties.take(order))]
        if self.feature.keep == "first":
            chosen = chosen[timeline.run_starts(user[chosen])]
        keys = span.keys(user[chosen], events.index[rows[chosen]])
        last = timeline.run_ends(keys)
        chosen = chosen[last]
        changes = Updates(keys[last], {self.feature.name: self.vocabulary.encode(values.take(chosen))})

        def settle() -> None:
            timeline.write_latest(changes, self._values, span)
            users, final = timeline.last_of_users(changes, span.stride)
            self._at[users] = at[chosen[final]]
            self._tie[users] = ties.take(chosen[final]).strings()

        return Advance(changes, settle)

    def keep(self, rows: I64) -> None:
        """Keep these users only, and of an open vocabulary what they use."""
        super().keep(rows)
        self._at, self._tie = self._at[rows], self._tie[rows]
        self._values[self.feature.name] = self.vocabulary.keep(self._values[self.feature.name])

    def join(self, other: Self) -> None:
        """Take in the users of another state."""
        codes = self.vocabulary.join(other.vocabulary)
        other._values[self.feature.name] = codes[other._values[self.feature.name]]
        super().join(other)
        self._at, self._tie = np.append(self._at, other._at), np.append(self._tie, other._tie)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``values`` (a row per user) and ``vocabulary``."""
        tie = pl.Series(self._tie.tolist(), dtype=pl.String)
        values = {"code": self._values[self.feature.name], "at": self._at, "tie": tie}
        return {"values": pl.DataFrame(values), "vocabulary": pl.DataFrame({"text": self.vocabulary.texts})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        values = tables["values"]
        self._values = {self.feature.name: values["code"].to_numpy().copy()}
        self._at = values["at"].to_numpy().copy()
        self._tie = np.array(values["tie"].to_list(), np.object_)
        self.vocabulary.restore(tables["vocabulary"]["text"].to_list())

    def texts(self) -> list[str]:
        """The vocabulary."""
        return self.vocabulary.texts

    def _replaces(self, user: I64, at: I64, ties: Texts) -> Bool:
        known = self._at[user]
        first = self.feature.keep == "first"
        newer: Bool = (known == NO_TIME) | ((at < known) if first else (at > known))
        same = np.flatnonzero(at == known)
        for row, tie in zip(same.tolist(), ties.take(same).strings(), strict=True):
            held = self._tie[user[row]]
            newer[row] = tie < held if first else tie > held
        return newer


class LargestState(StoredState):
    """The largest number seen; what isn't a number doesn't count.

    >>> state = LargestState(Attribute("seats", "seats", keep="max"))
    >>> state.grow(1)
    >>> state.current()["seats"].tolist()
    [nan]
    """

    def __init__(self, feature: Attribute) -> None:
        super().__init__(feature.stored())
        self.feature = feature

    def advance(self, events: Events, span: Span, _only: Bool | None = None, /) -> Advance:
        """Larger values replace smaller ones. Column: the number, NaN where there is none."""
        name = self.feature.name
        rows, values = events.carrying(self.feature.events, "p:" + self.feature.property)
        numbers = numbers_of(values) + 0.0  # -0.0 becomes 0.0: which of the two it was would depend on the batch
        finite = np.isfinite(numbers)
        user, numbers, index = events.user[rows[finite]], numbers[finite], events.index[rows[finite]]
        # The largest so far of each user: of places in the order of numbers, users apart from each other.
        ordered, place = np.unique(numbers, return_inverse=True)
        size = max(len(ordered), 1)
        numbers = ordered[np.maximum.accumulate(user * size + place) % size] if len(user) else numbers
        larger = ~(numbers <= self._values[name][user])
        keys = span.keys(user[larger], index[larger])
        last = timeline.run_ends(keys)
        changes = Updates(keys[last], {name: numbers[larger][last]})
        return Advance(changes, lambda: timeline.write_latest(changes, self._values, span))

    def tables(self) -> dict[str, pl.DataFrame]:
        """``largest``: a row per user."""
        return {"largest": pl.DataFrame({"number": self._values[self.feature.name]})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._values = {self.feature.name: tables["largest"]["number"].to_numpy().copy()}


class DifferentState(StoredState):
    """How many different values were seen; an open vocabulary is kept sealed, since its values may be persons.

    >>> state = DifferentState(Attribute("invited", "invitee", keep="set"))
    >>> state.grow(1)
    >>> state.current()["invited"].tolist()
    [0]
    """

    def __init__(self, feature: Attribute) -> None:
        super().__init__(feature.stored())
        self.feature = feature
        self._seen = Runs({"key": np.int64, "high": np.uint64, "low": np.uint64})
        self._closed = None if feature.values is None else Vocabulary(feature.values)

    def advance(self, events: Events, span: Span, _only: Bool | None = None, /) -> Advance:
        """Values that are new count. Column: the number of different values."""
        name = self.feature.name
        column = ("h:" if self._closed is None else "p:") + self.feature.property
        rows, values = events.carrying(self.feature.events, column)
        user = events.user[rows]
        high, low = self._lanes(values)
        new = self._first_seen(user, high, low)
        user, high, low = user[new], high[new], low[new]
        keys, amounts = timeline.sum_by_key(span.keys(user, events.index[rows[new]]), np.ones(len(new), np.int64))
        changes = Updates(keys, {name: timeline.running_totals(keys, amounts, self._values[name], span.stride)})

        def settle() -> None:
            timeline.write_latest(changes, self._values, span)
            self._seen.add({"key": user, "high": high, "low": low})

        return Advance(changes, settle)

    def keep(self, rows: I64) -> None:
        """Keep these users only."""
        places = timeline.places_of(rows, self.users)

        def kept(seen: Rows) -> Rows:
            user = places[seen["key"]]
            return {"key": user[user >= 0], "high": seen["high"][user >= 0], "low": seen["low"][user >= 0]}

        self._seen.replace(kept)
        super().keep(rows)

    def join(self, other: Self) -> None:
        """Take in the users of another state."""
        seen = other._seen.all()
        self._seen.add({**seen, "key": seen["key"] + self.users})
        super().join(other)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``seen`` (user and the lanes of a value) and ``count`` (a row per user)."""
        seen = self._seen.all()
        return {
            "seen": pl.DataFrame({"user": seen["key"], "high": seen["high"], "low": seen["low"]}),
            "count": pl.DataFrame({"values": self._values[self.feature.name]}),
        }

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        user, high, low = (tables["seen"][name].to_numpy() for name in ("user", "high", "low"))
        self._seen.clear()
        self._seen.add({"key": user, "high": high, "low": low})
        self._values = {self.feature.name: tables["count"]["values"].to_numpy().copy()}

    def _lanes(self, values: Texts) -> Lanes:
        if self._closed is None:
            return lanes(values)
        return np.zeros(len(values), np.uint64), self._closed.encode(values).astype(np.uint64)

    def _first_seen(self, user: I64, high: Column, low: Column) -> I64:
        """The rows (sorted by user) with values that the user had neither before nor in an earlier row, in order."""
        held = self._seen.having(user[timeline.run_starts(user)])
        of, upper, lower = (np.concatenate(pair) for pair in zip(held.values(), (user, high, low), strict=True))
        order = np.lexsort((lower, upper, of))
        first = order[timeline.run_starts(of[order], upper[order], lower[order])]
        new: I64 = np.sort(first[first >= len(held["key"])]) - len(held["key"])
        return new
