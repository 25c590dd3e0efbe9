"""Memberships from tick to tick, over just the users whom a tick concerns."""

import bisect
import itertools
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from segmentation.features.timeline import I64, Bool, Span, run_starts
from segmentation.membership.memberships import Memberships


@dataclass(frozen=True)
class Decided:
    """The users whose memberships changed at one tick. Shapes: (users,) and (users, segments)."""

    index: int
    users: I64
    before: Bool
    after: Bool


class Stepper:
    """Walks a span's ticks: those with rows to look at, and those at which a dwell (or a contradiction) makes users
    due.

    ``results`` holds what each user's conditions gave when last evaluated; shape (users, conditions).
    """

    def __init__(self, memberships: Memberships, width: int) -> None:
        self._memberships = memberships
        self.results: Bool = np.zeros((0, width), np.bool_)
        #: The users looked at since this was last cleared.
        self.looked_at: Bool = np.zeros(0, np.bool_)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._memberships.grow(users)
        missing = users - len(self.results)
        if missing > 0:
            self.results = np.concatenate([self.results, np.zeros((missing, self.results.shape[1]), np.bool_)])
            self.looked_at = np.concatenate([self.looked_at, np.zeros(missing, np.bool_)])

    def walk(self, users: I64, index: I64, results: Bool, span: Span) -> list[Decided]:
        """Decide all ticks of ``span``; ``users``, ``index`` and ``results`` are rows sorted by tick index."""
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
            if at in blocks:
                start, end = blocks[at]
                concerned = users[start:end]
                self.results[concerned] = results[start:end]
            if at in waiting:
                concerned = np.unique(np.concatenate([concerned, *waiting.pop(at)]))
            changed, again = self._decide(at, concerned, span)
            if changed is not None:
                decided.append(changed)
            for later, due in again:
                if later not in waiting and later not in blocks:
                    bisect.insort(ticks, later, lo=position)
                waiting[later].append(due)
        return decided

    def _decide(self, at: int, users: I64, span: Span) -> tuple[Decided | None, list[tuple[int, I64]]]:
        """The outcome of one tick, and whom to look at again when."""
        tick = span.settled + at * span.tick
        step = self._memberships.decide(users, self.results[users], tick)
        self._memberships.apply(users, step, tick)
        self.looked_at[users] = True
        changed = (step.before != step.after).any(axis=1)
        decided = Decided(at, users[changed], step.before[changed], step.after[changed]) if changed.any() else None
        return decided, _by_tick(users, step.again, span)

    def _waiting(self, span: Span) -> defaultdict[int, list[I64]]:
        """Users whom the last settled tick left waiting for a later one: found from the state itself."""
        waiting: defaultdict[int, list[I64]] = defaultdict(list)
        everyone = np.arange(len(self.results))
        for later, due in _by_tick(everyone, self._memberships.waiting(self.results, span.settled), span):
            waiting[later].append(due)
        return waiting


def _by_tick(users: I64, again: I64, span: Span) -> list[tuple[int, I64]]:
    """(tick index, users) for the ticks (µs, 0: none) at which users are due again, within the span."""
    rows = np.flatnonzero(again)
    if not len(rows):
        return []
    indices = (again[rows] - span.settled) // span.tick
    return [(int(index), users[rows[indices == index]]) for index in np.unique(indices) if index <= span.count]
