"""Which row stands for which user of a shard, and, where users are forgotten, which rows are not needed any more."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool
from segmentation.features.timeline import Events, Span
from segmentation.rules.model import Rules
from segmentation.tracking.cut import Cut
from segmentation.tracking.lives import Lives


class UserRows:
    """The internal ids of a shard's users by row. A user who comes back after being forgotten gets a new row.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rows = UserRows(parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml"))
    >>> rows.meet([b"ada", b"bob"]).tolist(), rows.meet([b"bob"]).tolist(), len(rows)
    ([0, 1], [1], 2)
    """

    def __init__(self, rules: Rules) -> None:
        self.internals: list[bytes] = []
        #: None where users are not forgotten.
        self.lives = None if rules.forget_after is None else Lives(rules.forget_after, rules.tick)
        self._tick = rules.tick
        self._rows: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.internals)

    def meet(self, users: Sequence[bytes]) -> I64:
        """The row of each user, a new one for those who are new or were forgotten. No user stands there twice."""
        rows = np.array([self._row(internal) for internal in users], np.int64)
        if self.lives is not None:
            self.lives.grow(len(self))
            over = np.flatnonzero(self.lives.over(rows))
            rows[over] = self.begin([users[each] for each in over.tolist()])
        return rows

    def known(self, users: Sequence[bytes]) -> I64:
        """The rows of those users that have one."""
        return np.array([self._rows[internal] for internal in users if internal in self._rows], np.int64)

    def begin(self, users: Sequence[bytes]) -> I64:
        """A new row for each user, in whose place no other row counts from now on."""
        rows = np.arange(len(self), len(self) + len(users))
        self.internals += users
        self._rows.update(zip(users, rows.tolist(), strict=True))
        if self.lives is not None:
            self.lives.grow(len(self))
        return rows

    def cut(self, counted: Events, span: Span) -> tuple[Events, Cut | None]:
        """The events with the rows of their lives, and where lives end; None where users are not forgotten."""
        return (counted, None) if self.lives is None else self.lives.cut(counted, span)

    def settle(self, cut: Cut, span: Span) -> None:
        """Make what was cut the state at the end of ``span``."""
        if self.lives is not None:
            self.lives.settle(cut, span)

    def begin_again(self, waiting: I64) -> I64 | None:
        """By row the one that ``waiting`` events are of from now on, where users are forgotten; None: as before."""
        over = waiting[self._over(waiting)]
        if not len(over):
            return None
        users = [self.internals[row] for row in over.tolist()]
        rows, current = np.arange(len(self)), self.known(users)
        # The user may be back already, by an event that counted before those that wait.
        gone = np.flatnonzero(self._over(current))
        current[gone] = self.begin([users[each] for each in gone.tolist()])
        rows[over] = current
        return rows

    def needed(self, limit: int, waiting: I64) -> Bool:
        """By row whether it may still matter; not where its user was forgotten at ``limit`` (µs) or before, or is known
        from events alone that do not count. ``waiting`` are the rows that events wait for."""
        needed = np.ones(len(self), np.bool_) if self.lives is None else self.lives.needed(limit)
        needed[waiting] = True
        return needed

    def keep(self, rows: I64) -> None:
        """Keep these rows only, renumbered in this order, which is that of their numbers."""
        self.internals = [self.internals[row] for row in rows.tolist()]
        # Where a user has several rows the last is that of the life that goes on.
        self._rows = {internal: row for row, internal in enumerate(self.internals)}
        if self.lives is not None:
            self.lives.keep(rows)

    def join(self, other: Self) -> None:
        """Take in the rows of another shard, which has other users, behind the own ones."""
        self._rows |= {internal: row for row, internal in enumerate(other.internals, len(self))}
        self.internals += other.internals
        if self.lives is not None and other.lives is not None:
            self.lives.join(other.lives)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``users`` (a row per user), and ``lives`` where users are forgotten."""
        users = pl.DataFrame({"internal": pl.Series(self.internals, dtype=pl.Binary)})
        return {"users": users} if self.lives is None else {"users": users, "lives": self.lives.table()}

    def restore(self, tables: Mapping[str, pl.DataFrame], settled: int | None) -> None:
        """Take over what `tables` gave when ``settled`` (µs) was the last tick. Users of a state in which nobody was
        forgotten count as seen then."""
        self.internals = tables["users"]["internal"].to_list()
        self._rows = {internal: row for row, internal in enumerate(self.internals)}
        if self.lives is None and "lives" in tables:
            self.lives = Lives(None, self._tick)
        if self.lives is not None:
            self.lives.restore(tables.get("lives"), len(self), settled)

    def _row(self, internal: bytes) -> int:
        row = self._rows.get(internal)
        if row is None:
            row = self._rows[internal] = len(self.internals)
            self.internals.append(internal)
        return row

    def _over(self, rows: I64) -> Bool:
        return np.zeros(len(rows), np.bool_) if self.lives is None else self.lives.over(rows)
