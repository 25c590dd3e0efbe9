"""When users are forgotten, and that those who come back begin anew.

A *life* of a user is a row: an event that counts after its user was forgotten gets a new row, so features know nothing
of lives. A user is forgotten at the first tick T with ``T - (time of the latest event counted up to T) >=
forget_after``; what features make of the row from T on is cut off (`segmentation.tracking.cut`).
"""

from dataclasses import replace
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool
from segmentation.columns.growing import grown
from segmentation.features.nulls import NO_TIME
from segmentation.features.timeline import Events, Span, run_ends, run_lengths, run_starts
from segmentation.tracking.cut import NEVER, Cut


class Lives:
    """The latest event of each row of users.

    Args:
        forget_after: how long (µs) after it users are forgotten; None: never (from now on).
        tick: the tick, µs.

    >>> from segmentation.columns.texts import Texts
    >>> lives = Lives(forget_after=30, tick=10)
    >>> lives.grow(1)
    >>> zero, at = np.array([0, 0]), np.array([5, 72])  # forgotten at 40, and back at 80
    >>> events = Events(zero, at, np.array([1, 8]), zero, Texts.absent(2), {}, ("click",), zero > 0)
    >>> counted, cut = lives.cut(events, Span(settled=0, tick=10, count=9))
    >>> counted.user.tolist(), cut.ends.tolist()
    ([0, 1], [4, 11])
    """

    def __init__(self, forget_after: int | None, tick: int) -> None:
        self._forget_after = forget_after
        self._tick = tick
        #: By row the time (µs) of the latest event, or -T where the user was forgotten at T; `NO_TIME`: no event yet.
        self._latest: I64 = np.empty(0, np.int64)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._latest = grown(self._latest, users, NO_TIME)

    def over(self, rows: I64) -> Bool:
        """Which of ``rows`` are of users who are forgotten: an event of theirs needs a new one."""
        latest = self._latest[rows]
        over: Bool = (latest < 0) & (latest != NO_TIME)
        return over

    def cut(self, counted: Events, span: Span) -> tuple[Events, Cut]:
        """The events with the rows of their lives, of which some may be new, and where lives end. Nothing moves until
        `settle` is called."""
        known = len(self._latest)
        last = run_ends(counted.user, counted.index)
        user, index = counted.user[last], counted.index[last]
        held = self._held(span)
        latest = np.maximum(counted.at[last], self._latest[user])
        over = np.maximum(self._end(latest, span), index)
        first = run_starts(user)
        before = np.empty_like(over)
        before[1:] = over[:-1]
        before[first] = held[user[first]]
        begins = before < index
        row = _rows(user, begins, first, known)
        origin = np.append(np.arange(known), user[begins])
        begun = len(origin) - known
        ends, arrived = np.append(held, np.full(begun, NEVER)), np.zeros(len(origin), np.int64)
        latest_of = np.append(self._latest, np.full(begun, NO_TIME))
        final = run_ends(row)
        of = row[final]
        ends[of], latest_of[of], arrived[of] = over[final], latest[final], index[final]
        if begins.any():
            counted = _with_rows(counted, np.repeat(row, np.diff(last, prepend=-1)))
        return counted, Cut(origin, ends, latest_of, arrived, known)

    def settle(self, cut: Cut, span: Span) -> None:
        """Make what was cut the state at the end of ``span``."""
        self._latest = cut.latest.copy()
        ended = np.flatnonzero(cut.ends <= span.count)
        self._latest[ended] = -(span.settled + cut.ends[ended] * span.tick)

    def needed(self, limit: int) -> Bool:
        """By row whether it may still matter: not where its user was forgotten at ``limit`` (µs) or before, or where no
        event has counted."""
        latest = self._latest
        needed: Bool = (latest >= 0) | ((latest != NO_TIME) & (latest < -limit))
        return needed

    def keep(self, rows: I64) -> None:
        """Keep these rows only, renumbered in this order."""
        self._latest = self._latest[rows]

    def join(self, other: Self) -> None:
        """Take in the rows of another shard behind the own ones."""
        self._latest = np.append(self._latest, other._latest)

    def table(self) -> pl.DataFrame:
        """``latest``: a row per row."""
        return pl.DataFrame({"latest": self._latest})

    def restore(self, table: pl.DataFrame | None, users: int, settled: int | None) -> None:
        """Take over what `table` gave; None: all of ``users`` rows were last seen at the tick ``settled`` (µs)."""
        if table is None:
            self._latest = np.full(users, NO_TIME if settled is None else settled)
        else:
            self._latest = table["latest"].to_numpy().copy()

    def _held(self, span: Span) -> I64:
        """By row the tick index of its end, if no event comes; `NEVER` where that is not within the span."""
        ends = np.full(len(self._latest), NEVER)
        # All others cost only this comparison; ticks of those that ended are negative.
        near = np.flatnonzero(self._latest <= span.end - (self._forget_after or 0))
        latest = self._latest[near]
        ends[near] = self._end(latest, span)
        ended = latest < 0
        ends[near[ended]] = span.index(-latest[ended])
        ends[near[latest == NO_TIME]] = NEVER
        return ends

    def _end(self, latest: I64, span: Span) -> I64:
        """The tick index at which users with these latest events are forgotten."""
        if self._forget_after is None:
            return np.full(len(latest), NEVER)
        return span.index(-(-(latest + self._forget_after) // self._tick) * self._tick)


def _rows(user: I64, begins: Bool, first: I64, known: int) -> I64:
    """The rows of lives: that of the user up to the first of ``begins``, then new ones (``first``: where users
    start)."""
    lives = np.cumsum(begins)
    earlier: I64 = np.repeat(lives[first] - begins[first], run_lengths(first, len(user)))
    return np.where(lives > earlier, known + lives - 1, user)


def _with_rows(counted: Events, rows: I64) -> Events:
    """The events with other rows for their users, in their order."""
    order = np.argsort(rows, kind="stable")
    return replace(
        counted,
        user=rows[order],
        at=counted.at[order],
        index=counted.index[order],
        name=counted.name[order],
        tie=counted.tie.take(order),
        properties={name: texts.take(order) for name, texts in counted.properties.items()},
        late=counted.late[order],
    )
