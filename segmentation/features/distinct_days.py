"""On how many UTC days a user was active, within a window of whole days or ever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.runs import Rows, Runs
from segmentation.expressions.nodes import Type
from segmentation.expressions.scope import ColumnType
from segmentation.expressions.values import Values
from segmentation.features.kind import Advance, EventParts, Feature, FeatureState, StoredState
from segmentation.features.reading import KeyReader
from segmentation.features.schedule import Schedule, moved
from segmentation.features.timeline import Events, Span, places_of, run_starts, write_latest
from segmentation.units import DAY, format_duration

#: Above any number of days since the epoch, so that (user, day) is one integer.
_DAYS = 1 << 20


@dataclass(frozen=True)
class DistinctDays(Feature):
    """The number of UTC days with an event, within ``window`` (a multiple of a day) or ever.

    >>> days = DistinctDays("days", window=3 * DAY)
    >>> days.reads(), days.stored()
    (EventParts(names=(), plain=(), sealed=(), tied=()), {'days': 0})
    """

    kind = "distinct_days"
    keys = ("window", "events", "event")

    window: int | None = None
    events: tuple[str, ...] = ()

    @classmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        """The feature that the rules file describes."""
        window = keys.duration("window")
        if window is not None and window % DAY:
            keys.report("window", f"window ({format_duration(window)}) must be a multiple of 1d")
        return cls(name, window, keys.events())

    def reads(self) -> EventParts:
        """The names of its events."""
        return EventParts(self.events)

    def columns(self) -> Mapping[str, ColumnType]:
        """The number of days."""
        return {self.name: ColumnType(Type.INTEGER)}

    def stored(self) -> Mapping[str, int]:
        """The number of days."""
        return {self.name: 0}

    def values_of(self, stored: Mapping[str, Column], ticks: I64, texts: Sequence[str]) -> dict[str, Values]:  # noqa: ARG002
        """The number of days, never NULL."""
        return {self.name: Values(stored[self.name])}

    def state(self, tick: int, lateness: int) -> FeatureState:  # noqa: ARG002  # days do not depend on the tick
        """The empty state."""
        return DistinctDaysState(self, lateness)


class DistinctDaysState(StoredState):
    """The active days per user (as far back as they can still matter) and their number.

    At tick T the days that start in ``[ceil(T, day) - window, T)`` count; without a window every day does.

    >>> state = DistinctDaysState(DistinctDays("days"), lateness=0)
    >>> state.grow(2)
    >>> state.current()["days"].tolist()
    [0, 0]
    """

    def __init__(self, feature: DistinctDays, lateness: int) -> None:
        super().__init__(feature.stored())
        self.feature = feature
        self._lateness = lateness
        self._known = Runs({"key": np.int64, "day": np.int64})
        self._leaving = Schedule()

    def advance(self, events: Events, span: Span, only: Bool | None = None, /) -> Advance:
        """New days count, and old ones fall out of the window. Column: the feature's name."""
        name, window = self.feature.name, self.feature.window
        user, day, index = self._new_days(events, span)
        entry, ones = span.settled + index * span.tick, np.ones(len(user), np.int64)
        moves = (entry, user, ones)
        if window is not None:
            gone = day + window + span.tick
            moves = (np.concatenate([entry, gone]), np.concatenate([user, user]), np.concatenate([ones, -ones]))
        keys, amounts = self._leaving.due(span, moves, only)
        changes = moved(name, keys, amounts, self._values[name], span)

        def settle() -> None:
            write_latest(changes, self._values, span)
            self._leaving.settle(span, moves)
            self._known.add({"key": _key(user, day), "day": day})
            self._known.retain("day", span.end - self._memory())

        return Advance(changes, settle)

    def keep(self, rows: I64) -> None:
        """Keep these users only."""
        places = places_of(rows, self.users)

        def kept(known: Rows) -> Rows:
            user = places[known["key"] // _DAYS]
            day = known["day"][user >= 0]
            return {"key": _key(user[user >= 0], day), "day": day}

        self._known.replace(kept)
        self._leaving.keep(places)
        super().keep(rows)

    def join(self, other: Self) -> None:
        """Take in the users of another state."""
        known = other._known.all()
        self._known.add({"key": known["key"] + self.users * _DAYS, "day": known["day"]})
        self._leaving.join(other._leaving, self.users)
        super().join(other)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``days`` (user, start of the day), ``leaving`` (tick, user, amount) and ``count`` (a row per user)."""
        known = self._known.all()
        return {
            "days": pl.DataFrame({"user": known["key"] // _DAYS, "day": known["day"]}),
            "leaving": self._leaving.table(),
            "count": pl.DataFrame({"days": self._values[self.feature.name]}),
        }

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        user, day = (tables["days"][name].to_numpy() for name in ("user", "day"))
        self._known.clear()
        self._known.add({"key": _key(user, day), "day": day})
        self._leaving.restore(tables["leaving"])
        self._values = {self.feature.name: tables["count"]["days"].to_numpy().copy()}

    def _memory(self) -> int:
        """How long (µs) before the end of a span a day may have begun that an event may still be of."""
        return self._lateness + DAY

    def _new_days(self, events: Events, span: Span) -> tuple[I64, I64, I64]:
        """(user, start of the day, tick index) of the days that had no event before and are still within the window."""
        rows = events.named(self.feature.events)
        user, day = events.user[rows], events.at[rows] // DAY * DAY
        first = run_starts(user, day)
        user, day, index = user[first], day[first], events.index[rows[first]]
        new = ~self._known.contains(_key(user, day))
        if self.feature.window is not None:
            new &= day + self.feature.window + span.tick > span.settled + index * span.tick
        return user[new], day[new], index[new]


def _key(user: I64, day: I64) -> I64:
    return user * _DAYS + day // DAY
