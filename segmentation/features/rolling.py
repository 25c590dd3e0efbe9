"""Rolling scores and counts: exact at every tick, from sums per pane of ``every``.

At tick T the panes that start in ``[ceil(T, every) - window, ceil(T, every))`` count: an exact head (the pane that T
cuts holds only events before T) and a tail that hops by ``every``. Where T is a multiple of ``every`` this is the sum
over ``[T - window, T)``, the value that Beam's ``SlidingWindows(window, every)`` gives for the window ending at T.

Percentiles are taken at the *boundary* ``floor(T, every)``, so the value at the last boundary is kept as well.

When an event is counted, the tick at which its pane falls out of the window is known: it is scheduled then, and an
advance looks at what is due and at nothing else.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from ruamel.yaml.nodes import MappingNode

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.expressions.nodes import Type
from segmentation.expressions.scope import ColumnType
from segmentation.expressions.values import Values
from segmentation.features.kind import Advance, EventParts, Feature, FeatureState, Measured, StoredState
from segmentation.features.reading import KeyReader
from segmentation.features.schedule import Amounts, Schedule, moved
from segmentation.features.timeline import Events, Span, combined, places_of, run_starts, write_latest
from segmentation.units import HOUR, format_duration


@dataclass(frozen=True)
class Rolling(Feature):
    """A sum over the events in a window that slides by ``every``: what a score and a count share.

    >>> hour = 3_600_000_000
    >>> RollingCount("clicks", window=24 * hour, every=hour).measured(tick=hour).every == hour
    True
    """

    has_percentile = True

    window: int
    every: int

    @abstractmethod
    def weight(self, event: str) -> int:
        """What an event of this name adds."""

    def columns(self) -> Mapping[str, ColumnType]:
        """The sum."""
        return {self.name: ColumnType(Type.INTEGER)}

    def stored(self) -> Mapping[str, int]:
        """The sum."""
        return {self.name: 0}

    def values_of(self, stored: Mapping[str, Column], ticks: I64, texts: Sequence[str]) -> dict[str, Values]:  # noqa: ARG002
        """The sum, never NULL."""
        return {self.name: Values(stored[self.name])}

    def measured(self, tick: int) -> Measured:
        """From the value at the last boundary. Where every tick is a boundary one column serves for both values."""
        return Measured(self.name, self.name if self.every == tick else f"{self.name}@", self.every)

    def state(self, tick: int, lateness: int) -> FeatureState:  # noqa: ARG002  # panes are kept until they leave anyhow
        """The empty state."""
        return RollingState(self, tick)


@dataclass(frozen=True)
class RollingScore(Rolling):
    """The sum of the weights of the events in a window that slides by ``every``.

    >>> score = RollingScore("score", window=7 * 24 * HOUR, every=HOUR, weights={"invite": 5}, default_weight=1)
    >>> score.weight("invite"), score.weight("click")
    (5, 1)
    >>> score.measured(tick=HOUR // 2).column
    'score@'
    """

    kind = "rolling_score"
    keys = ("window", "every", "weights", "default_weight")
    needed = ("window", "every", "weights")

    weights: Mapping[str, int]
    default_weight: int = 0

    @classmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        """The feature that the rules file describes."""
        weights: dict[str, int] = {}
        default = keys.integer("default_weight", 0, 0)
        if "weights" in keys.entries:
            node = keys.entries["weights"].value
            for event, entry in keys.reader.mapping(node, "weights").items():
                keys.refuse_reserved(entry.key, event)
                weights[event] = keys.reader.integer(entry.value, f"the weight of {event!r}", 0) or 0
            if isinstance(node, MappingNode) and not weights and not default:
                keys.report("weights", "no event has a weight; expected such as {page_view: 1}")
        return cls(name, *_window(keys), weights, default)

    def reads(self) -> EventParts:
        """The names that have a weight of their own."""
        return EventParts(tuple(self.weights))

    def weight(self, event: str) -> int:
        """What an event of this name adds."""
        return self.weights.get(event, self.default_weight)


@dataclass(frozen=True)
class RollingCount(Rolling):
    """The number of events in a window that slides by ``every``; no names in ``events`` means every event.

    >>> clicks = RollingCount("clicks", window=24 * HOUR, every=HOUR, events=("click", "tap"))
    >>> clicks.weight("click"), clicks.weight("page_view")
    (1, 0)
    """

    kind = "rolling_count"
    keys = ("window", "every", "events", "event")
    needed = ("window", "every")

    events: tuple[str, ...] = ()

    @classmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        """The feature that the rules file describes."""
        return cls(name, *_window(keys), keys.events())

    def reads(self) -> EventParts:
        """The names of its events."""
        return EventParts(self.events)

    def weight(self, event: str) -> int:
        """What an event of this name adds."""
        return int(not self.events or event in self.events)


def _window(keys: KeyReader) -> tuple[int, int]:
    """``window`` and ``every``, an hour standing in for what is missing or wrong."""
    window, every = keys.duration("window"), keys.duration_on_tick("every")
    if window is not None and every is not None and window % every:
        shown = f"window ({format_duration(window)}) must be a multiple of every ({format_duration(every)})"
        keys.report("window", shown)
    return window or HOUR, every or HOUR


class RollingState(StoredState):
    """The value now and the value at the last boundary per user, and how either will move by itself.

    >>> hour = 3_600_000_000
    >>> state = RollingState(RollingCount("clicks", window=24 * hour, every=hour), tick=hour)
    >>> state.grow(2)
    >>> state.current()["clicks"].tolist()
    [0, 0]
    """

    def __init__(self, feature: Rolling, tick: int) -> None:
        #: One column where it serves for both values.
        stored = dict.fromkeys([feature.name, feature.measured(tick).column], 0)
        super().__init__(stored)
        self.feature = feature
        self._tick = tick
        self._scheduled = {name: Schedule() for name in stored}
        self._weights: tuple[tuple[str, ...], I64] = ((), np.zeros(1, np.int64))

    def advance(self, events: Events, span: Span, only: Bool | None = None, /) -> Advance:
        """``events`` count, and panes fall out of the window. Columns: the value and, where it differs, the
        boundary's."""
        moves = dict(zip(self._values, self._moves(events, span), strict=False))
        parts = []
        for name, values in self._values.items():
            keys, amounts = self._scheduled[name].due(span, moves[name], only)
            parts.append(moved(name, keys, amounts, values, span))
        changes = combined(parts, self._values, span)

        def settle() -> None:
            write_latest(changes, self._values, span)
            for name, schedule in self._scheduled.items():
                schedule.settle(span, moves[name])

        return Advance(changes, settle)

    def keep(self, rows: I64) -> None:
        """Keep these users only."""
        places = places_of(rows, self.users)
        for schedule in self._scheduled.values():
            schedule.keep(places)
        super().keep(rows)

    def join(self, other: Self) -> None:
        """Take in the users of another state."""
        for name, schedule in self._scheduled.items():
            schedule.join(other._scheduled[name], self.users)
        super().join(other)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``values`` (a row per user), and ``scheduled:…`` for each of its columns (tick, user, amount)."""
        scheduled = {f"scheduled:{name}": schedule.table() for name, schedule in self._scheduled.items()}
        return {"values": pl.DataFrame(self._values), **scheduled}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._values = {name: tables["values"][name].to_numpy().copy() for name in self._values}
        for name, schedule in self._scheduled.items():
            schedule.restore(tables[f"scheduled:{name}"])

    def _moves(self, events: Events, span: Span) -> tuple[Amounts, Amounts]:
        """How the value and the boundary's move because of these events, now and later."""
        feature = self.feature
        user, start, index, amount = self._entering(events)
        entry = span.settled + index * span.tick
        leaving = start + feature.window + self._tick
        within = leaving > entry
        if not within.all():
            user, start, amount = user[within], start[within], amount[within]
            entry, leaving = entry[within], leaving[within]
        value = _both_ways(entry, leaving, user, amount)
        if feature.every == self._tick:
            return value, value
        counted = -(-entry // feature.every) * feature.every
        gone = start + feature.window + feature.every
        ever = gone > counted
        return value, _both_ways(counted[ever], gone[ever], user[ever], amount[ever])

    def _entering(self, events: Events) -> tuple[I64, I64, I64, I64]:
        """What the events add, summed by user, start of the pane and index of the tick that counts it first."""
        every = self.feature.every
        amount = self._weight_table(events.names)[events.name]
        rows = np.flatnonzero(amount)
        amount = amount[rows]
        user, index, start = events.user[rows], events.index[rows], events.at[rows] // every * every
        starts = run_starts(user, start, index)
        if len(starts) < len(rows):
            user, start, index, amount = user[starts], start[starts], index[starts], np.add.reduceat(amount, starts)
        return user, start, index, amount

    def _weight_table(self, names: tuple[str, ...]) -> I64:
        """By the code of a name its weight. The entry behind the last serves -1: reserved events weigh nothing."""
        if self._weights[0] != names:
            self._weights = (names, np.array([*map(self.feature.weight, names), 0], np.int64))
        return self._weights[1]


def _both_ways(entry: I64, leaving: I64, user: I64, amount: I64) -> Amounts:
    return np.concatenate([entry, leaving]), np.concatenate([user, user]), np.concatenate([amount, -amount])
