"""How histograms of scores move from boundary to boundary: sums that do not depend on order or grouping.

Moves of several shards add up to those of all users. They travel as `segmentation.messages.PopulationMoves`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.columns.arrays import I64, Column
from segmentation.features.timeline import Span, Updates, run_starts

#: Stands for a feature's name in moves that tell the clock: the boundary is the latest time that a shard accepted.
CLOCK = ""


@dataclass(frozen=True)
class Moves:
    """``users`` more have ``score`` from ``boundary`` (µs) on; sorted by boundary and score, each pair once.

    >>> moves = Moves.summed(boundary=np.array([60, 60, 60]), score=np.array([5, 3, 3]), users=np.array([1, 1, -1]))
    >>> moves.boundary.tolist(), moves.score.tolist(), moves.users.tolist()
    ([60], [5], [1])
    """

    boundary: I64
    score: I64
    users: I64

    def __len__(self) -> int:
        return len(self.boundary)

    @classmethod
    def none(cls) -> "Moves":
        """No moves."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, nothing)

    @classmethod
    def summed(cls, boundary: I64, score: I64, users: I64) -> "Moves":
        """The sums of any rows, without zeros."""
        order = np.lexsort((score, boundary))
        boundary, score = boundary[order], score[order]
        starts = run_starts(boundary, score)
        if not len(starts):
            return cls.none()
        total = np.add.reduceat(users[order], starts)
        kept = starts[total != 0]
        return cls(boundary[kept], score[kept], total[total != 0])

    def where(self, rows: Column) -> "Moves":
        """Some of them."""
        return Moves(self.boundary[rows], self.score[rows], self.users[rows])


#: By feature how its population moved.
MovesByFeature = Mapping[str, Moves]


def add_moves(parts: Sequence[MovesByFeature]) -> dict[str, Moves]:
    """The sum of several populations' moves: associative, commutative, without zeros."""
    together: dict[str, list[Moves]] = {}
    for part in parts:
        for name, moves in part.items():
            together.setdefault(name, []).append(moves)
    return {name: _sum(each) for name, each in sorted(together.items())}


def clock_moves(latest: int) -> dict[str, Moves]:
    """The latest accepted time (µs) of one shard, as moves, so that it travels and adds up with them."""
    return {CLOCK: Moves(np.array([latest]), np.array([0]), np.array([1]))}


def moves_of(changes: Updates, column: str, before: Column, span: Span) -> Moves:
    """How the histogram of a column moves with its changes; ``before`` is what each user had before the span.

    A user who moves leaves the old score and joins the new one; the score 0 is no member.
    """
    users, new = changes.keys // span.stride, changes.columns[column]
    old = np.empty_like(new)
    old[1:] = new[:-1]
    starts = run_starts(users)
    old[starts] = before[users[starts]]
    moved = np.flatnonzero(old != new)
    if not len(moved):
        return Moves.none()
    boundary = span.settled + changes.keys[moved] % span.stride * span.tick
    score = np.concatenate([old[moved], new[moved]])
    member = score > 0
    joined = np.repeat(np.array([-1, 1], np.int64), len(moved))
    return Moves.summed(np.concatenate([boundary, boundary])[member], score[member], joined[member])


def _sum(parts: list[Moves]) -> Moves:
    if len(parts) == 1:
        return parts[0]
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("boundary", "score", "users"))
    return Moves.summed(*columns)
