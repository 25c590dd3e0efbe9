"""Where the lives of users end within a span, and what features made of them up to there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from segmentation.columns.arrays import I64, Column
from segmentation.features.timeline import Span, Updates
from segmentation.messages import AGAIN, IDLE

#: A tick index after any span.
NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Cut:
    """The lives of a span, by row; the rows from ``known`` on are new: lives that begin in the span.

    >>> row = np.array([0])
    >>> cut = Cut(origin=row, ends=np.array([2]), latest=np.array([5]), arrived=row, known=1)
    >>> cut.ended_keys(Span(settled=0, tick=10, count=3)).tolist()
    [2]
    """

    #: The row under which the user was known before the span.
    origin: I64
    #: The tick index at which the user is forgotten: below 1 before the span, above its count not in it.
    ends: I64
    #: The time (µs) of the latest event.
    latest: I64
    #: The tick index at which the latest event counts; 0: before the span.
    arrived: I64
    #: How many rows there were before the span.
    known: int

    @property
    def begun(self) -> I64:
        """By new row the row under which its user was known before."""
        return self.origin[self.known :]

    def ahead_of_time(self) -> "Cut":
        """The same where time goes no further than to each user's latest event: nobody is forgotten after that."""
        followed = np.zeros(len(self.origin), np.bool_)
        followed[self.begun] = True
        followed[self.known : -1] |= self.begun[1:] == self.begun[:-1]
        ended = followed | (self.ends < 1) | (self.ends == self.arrived)
        return replace(self, ends=np.where(ended, self.ends, NEVER))

    def ended_keys(self, span: Span) -> I64:
        """The keys of the rows that end in the span, at the tick at which they do."""
        rows = np.flatnonzero((self.ends >= 1) & (self.ends <= span.count))
        return span.keys(rows, self.ends[rows])

    def joined(
        self, keys: I64, table: Mapping[str, Column], nothing: Mapping[str, int | float], span: Span
    ) -> tuple[I64, dict[str, Column]]:
        """The rows of ``table``, one per key, the lives of a user one after the other.

        Where a life ends all columns are ``nothing``, and `IDLE` says for how long the user had been idle; what comes
        after that in the life is left out. `AGAIN` marks rows of lives that begin in the span.

        Returns:
            By row the row under which the user was known before the span, and the table.
        """
        row, index = keys // span.stride, keys % span.stride
        kept = np.flatnonzero(index <= self.ends[row])
        if len(self.begun):
            kept = kept[np.argsort(span.keys(self.origin[row[kept]], index[kept]))]
        row = row[kept]
        ended = index[kept] == self.ends[row]
        result = {name: column[kept] for name, column in table.items()}
        for name, value in nothing.items():
            result[name][ended] = value
        result[IDLE] = np.where(ended, result["tick"] - self.latest[row], 0)
        result[AGAIN] = row >= self.known
        return self.origin[row], result

    def measured(self, changes: Updates, column: str, every: int, span: Span) -> Updates:
        """The changes of a measured column: users who are forgotten leave it at the boundary on their tick or after."""
        near = np.flatnonzero(self.ends <= span.count)
        bounds = np.full(len(self.ends), NEVER)
        ends = span.settled + self.ends[near] * span.tick
        bounds[near] = span.index(-(-ends // every) * every)
        kept = np.flatnonzero(changes.keys % span.stride < bounds[changes.keys // span.stride])
        leaving = near[(bounds[near] >= 1) & (bounds[near] <= span.count)]
        keys = np.concatenate([changes.keys[kept], span.keys(leaving, bounds[leaving])])
        values = np.concatenate([changes.columns[column][kept], np.zeros(len(leaving), np.int64)])
        order = np.argsort(keys)
        return Updates(keys[order], {column: values[order]})
