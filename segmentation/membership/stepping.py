"""Memberships from tick to tick; each tick looks only at the users that are due at it."""

import bisect
import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import Self

import numpy as np

from segmentation.columns.arrays import I64, Bool
from segmentation.columns.growing import grown
from segmentation.features.timeline import Span, run_starts
from segmentation.membership.memberships import Memberships


@dataclass(frozen=True)
class Decided:
    """The users whose memberships changed at the tick ``index``. Shapes: (users,) and (users, segments).

    >>> before, after = np.array([[True, False]]), np.array([[False, True]])
    >>> decided = Decided(index=1, users=np.array([7]), before=before, after=after)
    >>> np.argwhere(decided.before != decided.after).tolist()  # (row, segment) of each change
    [[0, 0], [0, 1]]
    """

    index: int
    users: I64
    before: Bool
    after: Bool


class Stepper:
    """Walks a span's ticks: those with rows to look at, and those at which users are due because a dwell ends, or
    because ``when`` and ``until`` are both TRUE.

    ``results`` holds what each user's conditions gave when last evaluated; shape (users, conditions).

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> from segmentation.membership.conditions import Conditions
    >>> conditions = Conditions(rules)
    >>> stepper = Stepper(Memberships(conditions), conditions.width)
    >>> stepper.grow(1)
    >>> span, results = Span(0, 60, count=3), np.array([[True], [False]])
    >>> decided = stepper.walk(np.array([0, 0]), index=np.array([1, 3]), results=results, span=span)
    >>> [(each.index, each.after.tolist()) for each in decided]
    [(1, [[True]]), (3, [[False]])]
    """

    def __init__(self, memberships: Memberships, width: int) -> None:
        self._memberships = memberships
        self.results: Bool = np.zeros((0, width), np.bool_)
        #: The users looked at since this was last cleared.
        self.looked_at: Bool = np.zeros(0, np.bool_)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._memberships.grow(users)
        self.results, self.looked_at = grown(self.results, users, False), grown(self.looked_at, users, False)

    def keep(self, rows: I64) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``."""
        self._memberships.keep(rows)
        self.results, self.looked_at = self.results[rows], self.looked_at[rows]

    def join(self, other: Self) -> None:
        """Take in the users of another shard behind the own ones."""
        self._memberships.join(other._memberships)
        self.results = np.concatenate([self.results, other.results])
        self.looked_at = np.concatenate([self.looked_at, other.looked_at])

    def walk(self, users: I64, index: I64, results: Bool, span: Span, forgotten: Bool | None = None) -> list[Decided]:
        """Decide all ticks of ``span``; ``users``, ``index``, ``results`` and whether users are ``forgotten`` are rows
        sorted by tick index."""
        waiting = self._waiting(span)
        edges = np.append(run_starts(index), len(index))
        blocks = {int(index[start]): (start, end) for start, end in itertools.pairwise(edges)}
        ticks = sorted({*blocks, *waiting})
        decided = []
        position = 0
        while position < len(ticks):
            at = ticks[position]
            position += 1
            concerned = np.empty(0, np.int64)
            ended = None
            if at in blocks:
                start, end = blocks[at]
                concerned = users[start:end]
                self.results[concerned] = results[start:end]
                if forgotten is not None and forgotten[start:end].any():
                    ended = concerned[forgotten[start:end]]
            if at in waiting:
                concerned = np.unique(np.concatenate([concerned, *waiting.pop(at)]))
            changed, again = self._decide(at, concerned, span, ended)
            if changed is not None:
                decided.append(changed)
            for later, due in again:
                if later not in waiting and later not in blocks:
                    bisect.insort(ticks, later, lo=position)
                waiting[later].append(due)
        return decided

    def _decide(
        self, at: int, users: I64, span: Span, ended: I64 | None
    ) -> tuple[Decided | None, list[tuple[int, I64]]]:
        """The outcome of one tick, and which users to look at again at which tick index; ``ended`` are forgotten."""
        tick = span.settled + at * span.tick
        results = self.results[users]
        step = self._memberships.decide(users, results, tick, None if ended is None else np.isin(users, ended))
        self._memberships.apply(users, step, tick)
        self.looked_at[users] = True
        changed = (step.before != step.after).any(axis=1)
        decided = Decided(at, users[changed], step.before[changed], step.after[changed]) if changed.any() else None
        return decided, _by_tick(users, step.again, span)

    def _waiting(self, span: Span) -> defaultdict[int, list[I64]]:
        """By tick index the users that are due although they have no row there; found from the state alone."""
        waiting: defaultdict[int, list[I64]] = defaultdict(list)
        users = np.arange(len(self.results))
        for later, due in _by_tick(users, self._memberships.waiting(self.results, span.settled), span):
            waiting[later].append(due)
        return waiting


def _by_tick(users: I64, again: I64, span: Span) -> list[tuple[int, I64]]:
    """(tick index, users) for the ticks (µs, 0: none) at which users are due again, within the span."""
    rows = np.flatnonzero(again)
    if not len(rows):
        return []
    indices = (again[rows] - span.settled) // span.tick
    return [(int(index), users[rows[indices == index]]) for index in np.unique(indices) if index <= span.count]
