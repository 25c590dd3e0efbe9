"""Which users a population's move concerns although their own score stayed the same."""

from typing import Self

import numpy as np

from segmentation.columns.arrays import I64, Column
from segmentation.population.percentiles import Population


class Movers:
    """The users whose percentile crossed one of its literals at a boundary, by their place among the cutoff scores.

    >>> population = Population(scores=np.array([1, 2, 3]), members=np.array([1, 1, 1]), minimum=1)
    >>> movers = Movers(frozenset({50.0}))
    >>> movers.at(population, scores=np.array([1, 2])).tolist()
    [0, 1]
    >>> movers.at(population, scores=np.array([1, 3])).tolist()
    [1]
    """

    def __init__(self, literals: frozenset[float] | None) -> None:
        self._literals = None if literals is None else sorted(literals)
        #: Holds one more than the two cutoffs of each literal.
        self._kind = np.min_scalar_type(2 * len(literals or ()) + 1)
        self._place: Column = np.empty(0, self._kind)

    def at(self, population: Population, scores: I64) -> I64:
        """The users (positions in ``scores``, the values of all users at the boundary) to look at."""
        place = self._places(population, scores)
        held = self._held(len(place))
        self._place = place
        if self._literals is None:
            return np.flatnonzero((place > 0) | (held > 0))
        return np.flatnonzero(place != held)

    def keep(self, rows: I64) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``."""
        self._place = self._held(int(rows.max(initial=-1)) + 1)[rows]

    def join(self, other: Self, users: int) -> None:
        """Take in the users of another shard behind the own ones, which are ``users``."""
        self._place = np.append(self._held(users), other._place)

    def _held(self, users: int) -> Column:
        """The place of each of so many users; 0 for those not looked at yet."""
        held = np.zeros(max(users, len(self._place)), self._kind)
        held[: len(self._place)] = self._place
        return held

    def _places(self, population: Population, scores: I64) -> Column:
        """0: no percentile; otherwise one more than the number of cutoffs reached."""
        place = np.zeros(len(scores), self._kind)
        if np.isnan(population.percentiles[:1]).any() or not len(population.scores):
            return place
        place += scores > 0
        for cutoff in population.cutoffs(self._literals or []):
            place += scores >= cutoff  # the score 0 reaches none: all are scores of members
        return place
