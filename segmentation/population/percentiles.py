"""Exact percentiles over a whole population, from a histogram of scores that moves from boundary to boundary.

The percentile of a score is ``100 * (members with a lower score) / (N - 1)``, one division in double precision; 0
where N = 1; none for the score 0 (not a member) and none below the minimum population. This is SQL's PERCENT_RANK,
scaled.
"""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from segmentation.columns.arrays import I64
from segmentation.features.timeline import run_starts
from segmentation.population.moves import Moves

F64 = npt.NDArray[np.float64]
_NOBODY = np.empty(0, np.int64)


@dataclass(frozen=True)
class Population:
    """Who was measured at one boundary: distinct scores in order, and how many members each has.

    >>> population = Population(scores=np.array([1, 4, 9]), members=np.array([2, 1, 2]), minimum=1)
    >>> population.of(np.array([4, 9, 0])).tolist()
    [50.0, 75.0, nan]
    >>> population.cutoffs([75]).tolist()  # reached with 9, passed with no score that there is
    [9, 9223372036854775807]
    """

    scores: I64
    members: I64
    minimum: int

    @cached_property
    def size(self) -> int:
        """The number of members."""
        return int(self.members.sum())

    @cached_property
    def percentiles(self) -> F64:
        """The percentile of each of ``scores``; NaN below the minimum population."""
        size = self.size
        if size < max(self.minimum, 1):
            return np.full(len(self.scores), np.nan)
        if size == 1:
            return np.zeros(len(self.scores))
        below = np.cumsum(self.members) - self.members
        return (100 * below) / (size - 1)

    def of(self, scores: I64) -> F64:
        """The percentile of members with these scores; NaN where there is none."""
        if not len(self.scores):
            return np.full(len(scores), np.nan)
        position = np.minimum(np.searchsorted(self.scores, scores), len(self.scores) - 1)
        return np.where(self.scores[position] == scores, self.percentiles[position], np.nan)

    def cutoffs(self, thresholds: Sequence[float]) -> I64:
        """The scores from which a percentile is at least, and those from which it is above, each threshold: sorted.

        A member's place among them tells every comparison of its percentile with a threshold. Empty where there are no
        percentiles.
        """
        if np.isnan(self.percentiles[:1]).any() or not len(self.scores):
            return _NOBODY
        reached = np.searchsorted(self.percentiles, thresholds, side="left")
        passed = np.searchsorted(self.percentiles, thresholds, side="right")
        beyond = np.append(self.scores, np.iinfo(np.int64).max)
        return np.sort(np.concatenate([beyond[reached], beyond[passed]]))

    def early(self, scores: I64, own: I64) -> F64:
        """The percentile of live scores among the other members, at most 100; ``own``: each user's score in here, 0:
        none."""
        others = self.size - (own > 0)
        before = np.append(0, np.cumsum(self.members))
        lower = before[np.searchsorted(self.scores, scores, side="left")] - ((own > 0) & (own < scores))
        share = np.minimum((100 * lower) / np.maximum(others, 1), 100.0)
        return np.where((scores > 0) & (self.size >= max(self.minimum, 1)), share, np.nan)


class Populations:
    """The populations of one feature, boundary by boundary; those before the last boundary read can be forgotten.

    >>> populations = Populations(minimum=1)
    >>> populations.add(Moves(boundary=np.array([60, 120]), score=np.array([5, 8]), users=np.array([1, 1])))
    >>> populations.at(119).scores.tolist(), populations.at(120).scores.tolist()
    ([5], [5, 8])
    """

    def __init__(self, minimum: int) -> None:
        self._boundaries: list[int] = []
        self._populations = [Population(_NOBODY, _NOBODY, minimum)]

    def add(self, moves: Moves) -> None:
        """Take in the moves at later boundaries than all before."""
        if not len(moves):
            return
        boundaries, users = moves.boundary, moves.users
        last = self._populations[-1]
        scores, place = np.unique(np.concatenate([last.scores, moves.score]), return_inverse=True)
        members = np.zeros(len(scores), np.int64)
        members[place[: len(last.scores)]] = last.members
        place = place[len(last.scores) :]
        edges = np.append(run_starts(boundaries), len(boundaries))
        for start, end in itertools.pairwise(edges):
            members[place[start:end]] += users[start:end]  # a score stands at most once among a boundary's moves
            present = np.flatnonzero(members)
            self._boundaries.append(int(boundaries[start]))
            self._populations.append(Population(scores[present], members[present], last.minimum))

    @property
    def boundaries(self) -> Sequence[int]:
        """The boundaries (µs) at which the population moved."""
        return self._boundaries

    @property
    def latest(self) -> Population:
        """The population that holds after all moves."""
        return self._populations[-1]

    def at(self, boundary: int) -> Population:
        """The population that holds at a boundary (µs)."""
        return self._populations[bisect_right(self._boundaries, boundary)]

    def forget_before(self, boundary: int) -> None:
        """Keep only what holds at ``boundary`` and later."""
        position = bisect_right(self._boundaries, boundary)
        self._boundaries = self._boundaries[position:]
        self._populations = self._populations[position:]
