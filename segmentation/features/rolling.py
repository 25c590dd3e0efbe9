"""Rolling scores and counts: exact at every tick, from sums per pane of ``every``.

At tick T the panes that start in ``[ceil(T, every) - window, ceil(T, every))`` count: an exact head (the pane that T
cuts holds only events before T) and a tail that hops by ``every``. Where T is a multiple of ``every`` this is the sum
over ``[T - window, T)``, the value that Beam's ``SlidingWindows(window, every)`` gives for the window ending at T.

Percentiles are taken at the *boundary* ``floor(T, every)``, so the value at the last boundary is kept as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.config import RollingCount, RollingScore
from segmentation.features.timeline import (
    I64,
    Bool,
    Changes,
    Column,
    Events,
    Span,
    combined,
    grown,
    latest,
    renumbered,
    run_starts,
    running_totals,
    sum_by_key,
)


def boundary_column(feature: str) -> str:
    """The column with the value at the last multiple of ``every``: what percentiles are taken from."""
    return feature + "@"


@dataclass(frozen=True)
class _Panes:
    """Amounts by (user, start of the pane); ``since`` is the first boundary whose value counts them."""

    user: I64
    start: I64
    amount: I64
    since: I64

    def where(self, mask: Bool) -> "_Panes":
        return _Panes(self.user[mask], self.start[mask], self.amount[mask], self.since[mask])

    def joined(self, other: "_Panes") -> "_Panes":
        pairs = zip(self.columns().values(), other.columns().values(), strict=True)
        return _Panes(*(np.concatenate(pair) for pair in pairs))

    def columns(self) -> dict[str, I64]:
        return {"user": self.user, "start": self.start, "amount": self.amount, "since": self.since}


class RollingState:
    """Pane sums per user, the value now, and the value at the last boundary."""

    def __init__(self, feature: RollingScore | RollingCount, tick: int) -> None:
        self.feature = feature
        self._tick = tick
        self._panes = _Panes(*(np.empty(0, np.int64) for _ in range(4)))
        self._values: dict[str, Column] = {feature.name: np.empty(0, np.int64)}
        #: Every tick is a boundary where ``every`` equals the tick: one column serves for both values then.
        if feature.every != tick:
            self._values[boundary_column(feature.name)] = np.empty(0, np.int64)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._values = {name: grown(values, users, 0) for name, values in self._values.items()}

    def advance(self, events: Events, span: Span) -> Changes:
        """Count ``events`` and let panes fall out of the window. Columns: the value and, where it differs, the
        boundary's."""
        feature = self.feature
        entering, entry = self._entering(events, span)
        held = self._panes.joined(entering)
        gone = span.index(held.start + feature.window + self._tick)
        parts = [self._moves(span, feature.name, (entering, entry), (held, gone))]
        boundary_gone = span.index(held.start + feature.window + feature.every)
        if feature.every != self._tick:
            since = span.index(held.since)
            counts = boundary_gone > since
            ever = held.where(counts)
            moves = ((ever, since[counts]), (ever, boundary_gone[counts]))
            parts.append(self._moves(span, boundary_column(feature.name), *moves))
        changes = combined(parts, self._values, span)
        self._values = latest(changes, self._values, span)
        self._panes = held.where(boundary_gone > span.count)
        return changes

    def current(self) -> dict[str, Column]:
        """The value, and the boundary's where it differs, by user."""
        return self._values

    def tables(self) -> dict[str, pl.DataFrame]:
        """``panes`` (user, start, amount, since) and ``values`` (a row per user)."""
        return {"panes": pl.DataFrame(self._panes.columns()), "values": pl.DataFrame(self._values)}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        panes = tables["panes"]
        self._panes = _Panes(*(panes[name].to_numpy() for name in ("user", "start", "amount", "since")))
        self._values = {name: tables["values"][name].to_numpy() for name in self._values}

    def select(self, users: I64) -> "RollingState":
        """A copy for the given users only."""
        copy = RollingState(self.feature, self._tick)
        rows, numbers = renumbered(self._panes.user, users)
        panes = self._panes.where(rows)
        copy._panes = _Panes(numbers, panes.start, panes.amount, panes.since)
        copy._values = {name: values[users] for name, values in self._values.items()}
        return copy

    def _entering(self, events: Events, span: Span) -> tuple[_Panes, I64]:
        """What the events add, summed by pane and tick of entry, and the index of that tick."""
        feature = self.feature
        if isinstance(feature, RollingScore):
            # The entry behind the last name serves the code -1: reserved events weigh nothing.
            weights = np.array(
                [feature.weights.get(name, feature.default_weight) for name in events.names] + [0], np.int64
            )
            amount = weights[events.name]
        else:
            amount = events.named(feature.events).astype(np.int64)
        rows = np.flatnonzero(amount)
        user, index, amount = events.user[rows], events.index[rows], amount[rows]
        start = events.at[rows] // feature.every * feature.every
        starts = run_starts(user, start, index)
        if len(starts):
            user, start, index, amount = user[starts], start[starts], index[starts], np.add.reduceat(amount, starts)
        first_boundary = -(-(span.settled + index * span.tick) // feature.every) * feature.every
        in_window = start + feature.window + self._tick > span.settled + index * span.tick
        return _Panes(user, start, amount, first_boundary).where(in_window), index[in_window]

    def _moves(self, span: Span, column: str, entering: tuple[_Panes, I64], leaving: tuple[_Panes, I64]) -> Changes:
        """The column's changes when amounts enter and leave at the given tick indices (those outside of the span
        don't)."""
        keys, amounts = [], []
        for sign, (panes, index) in ((1, entering), (-1, leaving)):
            within = (index >= 1) & (index <= span.count)
            keys.append(span.keys(panes.user[within], index[within]))
            amounts.append(sign * panes.amount[within])
        moved, deltas = sum_by_key(np.concatenate(keys), np.concatenate(amounts))
        return Changes(moved, {column: running_totals(moved, deltas, self._values[column], span.stride)})
