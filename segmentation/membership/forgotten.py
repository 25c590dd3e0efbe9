"""What is kept of users who were forgotten: the number of their last change, so that it never repeats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column

#: Bytes of an internal id that are kept of it: they are as good as random, so no two users share them.
_ID_BYTES = 16
#: A run is merged into the one before it unless that one is this many times as long, or longer.
_RATIO = 4


@dataclass(frozen=True)
class _Run:
    """Users in order, and their numbers."""

    users: Column
    sequence: Column
    index: Column

    @classmethod
    def joined(cls, runs: Sequence["_Run"]) -> "_Run":
        """All users of all runs, in order."""
        columns = [np.concatenate([getattr(run, name) for run in runs]) for name in ("users", "sequence", "index")]
        order = np.argsort(columns[0], kind="stable")
        return cls(*(column[order] for column in columns))

    def where(self, rows: I64) -> "_Run":
        """Some of them, in order."""
        rows = np.sort(rows)
        return _Run(self.users[rows], self.sequence[rows], self.index[rows])

    def find(self, users: Column) -> tuple[I64, Bool]:
        """For each user a place in the run, and whether it is theirs."""
        place = np.minimum(np.searchsorted(self.users, users), len(self.users) - 1)
        return place, self.users[place] == users


class Forgotten:
    """By user the number of the last change, and the index of the last early change after it: 28 bytes each.

    >>> forgotten = Forgotten()
    >>> forgotten.put([bytes(32)], sequence=np.array([4]), index=np.array([0]))
    >>> [numbers.tolist() for numbers in forgotten.of([b"x" * 32, bytes(32)])]
    [[0, 4], [0, 0]]
    """

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return sum(len(run.users) for run in self._runs)

    def put(self, users: Sequence[bytes], sequence: I64, index: I64) -> None:
        """Keep the numbers of users; in the place of those that it has of them."""
        ids = _ids(users)
        new = np.ones(len(ids), np.bool_)
        for run in self._runs:
            place, known = run.find(ids)
            run.sequence[place[known]], run.index[place[known]] = sequence[known], index[known]
            new &= ~known
        if not new.any():
            return
        self._runs.append(_Run.joined([_Run(ids[new], sequence[new], index[new].astype(np.int32))]))
        while len(self._runs) > 1 and len(self._runs[-2].users) < _RATIO * len(self._runs[-1].users):
            last = self._runs.pop()
            self._runs[-1] = _Run.joined([self._runs[-1], last])

    def of(self, users: Sequence[bytes]) -> tuple[I64, I64]:
        """(sequence, index) of each user; zeros for users whom it does not know."""
        sequence, index = np.zeros(len(users), np.int64), np.zeros(len(users), np.int64)
        if self._runs:
            ids = _ids(users)
            for run in self._runs:
                place, known = run.find(ids)
                sequence[known], index[known] = run.sequence[place[known]], run.index[place[known]]
        return sequence, index

    @property
    def users(self) -> list[bytes]:
        """The first 16 bytes of each user's internal id, which tell the shard; in the order of `keep`."""
        return _texts(self._all().users)

    def keep(self, rows: I64) -> None:
        """Keep these users only; ``rows`` are places in `users`."""
        run = self._all()
        self._runs = [run.where(rows)] if len(rows) else []

    def join(self, other: "Forgotten") -> None:
        """Take in the users of another shard."""
        run = other._all()
        self.put(_texts(run.users), run.sequence, run.index)

    def table(self) -> pl.DataFrame:
        """``internal`` (the first 16 bytes), ``sequence``, ``index``."""
        run = self._all()
        internal = pl.Series(_texts(run.users), dtype=pl.Binary)
        return pl.DataFrame({"internal": internal, "sequence": run.sequence, "index": run.index})

    def restore(self, table: pl.DataFrame) -> None:
        """Take over what `table` gave."""
        self._runs = []
        self.put(table["internal"].to_list(), table["sequence"].to_numpy(), table["index"].to_numpy())

    def _all(self) -> _Run:
        nothing = np.empty(0, np.int64)
        return _Run.joined([_Run(_ids([]), nothing, nothing.astype(np.int32)), *self._runs])


def _texts(ids: Column) -> list[bytes]:
    data = ids.tobytes()
    return [data[start : start + _ID_BYTES] for start in range(0, len(data), _ID_BYTES)]


def _ids(users: Sequence[bytes]) -> Column:
    return np.frombuffer(b"".join([user[:_ID_BYTES] for user in users]), f"S{_ID_BYTES}")
