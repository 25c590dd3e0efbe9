"""The time of a user's latest event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.expressions.nodes import Type
from segmentation.expressions.scope import ColumnType
from segmentation.expressions.values import Values
from segmentation.features.kind import Advance, EventParts, Feature, FeatureState, StoredState
from segmentation.features.nulls import NO_TIME, times
from segmentation.features.reading import KeyReader
from segmentation.features.timeline import Events, Span, Updates, run_ends, write_latest


@dataclass(frozen=True)
class Recency(Feature):
    """The time of the user's latest event; no names in ``events`` means any event.

    >>> import numpy as np
    >>> seen = Recency("seen", events=("click",))
    >>> seen.values_of({"seen": np.array([7, NO_TIME])}, np.array([9, 9]), ())["seen"].to_list(2)
    [7, None]
    """

    kind = "recency"
    keys = ("events", "event")

    events: tuple[str, ...] = ()

    @classmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        """The feature that the rules file describes."""
        return cls(name, keys.events())

    def reads(self) -> EventParts:
        """The names of its events."""
        return EventParts(self.events)

    def columns(self) -> Mapping[str, ColumnType]:
        """The time."""
        return {self.name: ColumnType(Type.TIMESTAMP)}

    def stored(self) -> Mapping[str, int]:
        """The time."""
        return {self.name: NO_TIME}

    def values_of(self, stored: Mapping[str, Column], ticks: I64, texts: Sequence[str]) -> dict[str, Values]:  # noqa: ARG002
        """The time, NULL before the first event."""
        return {self.name: times(stored[self.name])}

    def state(self, tick: int, lateness: int) -> FeatureState:  # noqa: ARG002  # each event counts at once and for ever
        """The empty state."""
        return RecencyState(self)


class RecencyState(StoredState):
    """The latest time per user, `NO_TIME` before the first event.

    >>> state = RecencyState(Recency("seen"))
    >>> state.grow(2)
    >>> (state.current()["seen"] == NO_TIME).tolist()
    [True, True]
    """

    def __init__(self, feature: Recency) -> None:
        super().__init__(feature.stored())
        self.feature = feature

    def advance(self, events: Events, span: Span, _only: Bool | None = None, /) -> Advance:
        """Each user's latest time moves forward. Column: the feature's name, in microseconds."""
        name = self.feature.name
        rows = events.named(self.feature.events)
        rows = rows[events.at[rows] > self._values[name][events.user[rows]]]
        keys = span.keys(events.user[rows], events.index[rows])
        last = run_ends(keys)
        changes = Updates(keys[last], {name: events.at[rows[last]]})
        return Advance(changes, lambda: write_latest(changes, self._values, span))

    def tables(self) -> dict[str, pl.DataFrame]:
        """``last``: a row per user."""
        return {"last": pl.DataFrame({"at": self._values[self.feature.name]})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._values = {self.feature.name: tables["last"]["at"].to_numpy().copy()}
