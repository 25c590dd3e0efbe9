"""Rolling scores and counts: exact at every tick, from sums per pane of ``every``.

At tick T the panes that start in ``[ceil(T, every) - window, ceil(T, every))`` count: an exact head (the pane that T
cuts holds only events before T) and a tail that hops by ``every``. Where T is a multiple of ``every`` this is the sum
over ``[T - window, T)``, the value that Beam's ``SlidingWindows(window, every)`` gives for the window ending at T.

Percentiles are taken at the *boundary* ``floor(T, every)``, so the value at the last boundary is kept as well.

When an event is counted, the tick at which its pane falls out of the window is known: it is scheduled then, and an
advance looks at what is due and at nothing else.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.features.schedule import Moves, Schedule, moved
from segmentation.features.timeline import (
    I64,
    Advance,
    Bool,
    Column,
    Events,
    Span,
    combined,
    grown,
    run_starts,
    write_latest,
)
from segmentation.rules.model import RollingCount, RollingScore


def boundary_column(feature: str) -> str:
    """The column with the value at the last multiple of ``every``: what percentiles are taken from."""
    return feature + "@"


class RollingState:
    """The value now and the value at the last boundary per user, and how either will move by itself."""

    def __init__(self, feature: RollingScore | RollingCount, tick: int) -> None:
        self.feature = feature
        self._tick = tick
        #: Every tick is a boundary where ``every`` equals the tick: one column serves for both values then.
        names = [feature.name] if feature.every == tick else [feature.name, boundary_column(feature.name)]
        self._values: dict[str, Column] = {name: np.empty(0, np.int64) for name in names}
        self._scheduled = {name: Schedule() for name in names}
        self._weights: tuple[tuple[str, ...], I64] = ((), np.zeros(1, np.int64))

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._values = {name: grown(values, users, 0) for name, values in self._values.items()}

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

    def current(self) -> dict[str, Column]:
        """The value, and the boundary's where it differs, by user."""
        return self._values

    def tables(self) -> dict[str, pl.DataFrame]:
        """``values`` (a row per user), and ``scheduled:…`` for each of its columns (tick, user, amount)."""
        scheduled = {f"scheduled:{name}": schedule.table() for name, schedule in self._scheduled.items()}
        return {"values": pl.DataFrame(self._values), **scheduled}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._values = {name: tables["values"][name].to_numpy().copy() for name in self._values}
        for name, schedule in self._scheduled.items():
            schedule.restore(tables[f"scheduled:{name}"])

    def _moves(self, events: Events, span: Span) -> tuple[Moves, Moves]:
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
        if isinstance(self.feature, RollingScore):
            amount = self._weight_table(self.feature, events.names)[events.name]
            rows = np.flatnonzero(amount)
            amount = amount[rows]
        else:
            rows = events.named(self.feature.events)
            amount = np.ones(len(rows), np.int64)
        user, index, start = events.user[rows], events.index[rows], events.at[rows] // every * every
        starts = run_starts(user, start, index)
        if len(starts) < len(rows):
            user, start, index, amount = user[starts], start[starts], index[starts], np.add.reduceat(amount, starts)
        return user, start, index, amount

    def _weight_table(self, feature: RollingScore, names: tuple[str, ...]) -> I64:
        """By the code of a name its weight. The entry behind the last serves -1: reserved events weigh nothing."""
        if self._weights[0] != names:
            weights = [*(feature.weights.get(name, feature.default_weight) for name in names), 0]
            self._weights = (names, np.array(weights, np.int64))
        return self._weights[1]


def _both_ways(entry: I64, leaving: I64, user: I64, amount: I64) -> Moves:
    return np.concatenate([entry, leaving]), np.concatenate([user, user]), np.concatenate([amount, -amount])
