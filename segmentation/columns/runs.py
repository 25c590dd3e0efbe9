"""Rows sorted by an integer key, in a few sorted runs: adding rows and finding them both cost little.

A new run is merged into the one before it unless that one is much longer. So a row is copied only a few times, and
there are only a few runs.
"""

from collections.abc import Callable, Mapping

import numpy as np

from segmentation.columns.arrays import Bool, Column

#: A run is merged into the one before it unless that one is this many times as long, or longer.
_RATIO = 4

#: The columns of some rows, all of one length; ``key`` is sorted.
Rows = dict[str, Column]


class Runs:
    """Rows of ``key`` and other columns. Callers must not write to the arrays that they get: some are views.

    >>> runs = Runs({"key": np.int64, "user": np.int64})
    >>> runs.add({"key": np.array([30, 10]), "user": np.array([1, 2])})
    >>> runs.add({"key": np.array([20]), "user": np.array([3])})
    >>> runs.up_to(20)["user"].tolist()
    [2, 3]
    >>> runs.drop_up_to(20)
    >>> runs.all()["key"].tolist()
    [30]
    """

    def __init__(self, kinds: Mapping[str, type[np.generic]]) -> None:
        self._nothing: Rows = {name: np.empty(0, kind) for name, kind in kinds.items()}
        self._runs: list[Rows] = []

    def __len__(self) -> int:
        return sum(len(run["key"]) for run in self._runs)

    def add(self, rows: Rows) -> None:
        """Add rows in any order."""
        if not len(rows["key"]):
            return
        self._runs.append(_sorted(rows))
        while len(self._runs) > 1 and len(self._runs[-2]["key"]) < _RATIO * len(self._runs[-1]["key"]):
            last = self._runs.pop()
            self._runs[-1] = _sorted(_joined([self._runs[-1], last]))

    def up_to(self, key: int) -> Rows:
        """The rows whose key is at most ``key``."""
        due = []
        for run in self._runs:
            end = int(np.searchsorted(run["key"], key, side="right"))
            if end:
                due.append({name: column[:end] for name, column in run.items()})
        return _joined(due) if due else self._nothing

    def drop_up_to(self, key: int) -> None:
        """Forget the rows whose key is at most ``key``."""
        kept = []
        for run in self._runs:
            end = int(np.searchsorted(run["key"], key, side="right"))
            if end < len(run["key"]):
                kept.append({name: column[end:] for name, column in run.items()} if end else run)
        self._runs = kept

    def having(self, keys: Column) -> Rows:
        """The rows whose key is among ``keys``, which are sorted and distinct."""
        found = []
        for run in self._runs:
            starts = np.searchsorted(run["key"], keys, side="left")
            lengths = np.searchsorted(run["key"], keys, side="right") - starts
            total = int(lengths.sum())
            if total:
                rows = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(total)
                found.append({name: column[rows] for name, column in run.items()})
        return _joined(found) if found else self._nothing

    def contains(self, keys: Column) -> Bool:
        """For each of ``keys`` whether there is a row with it."""
        found = np.zeros(len(keys), np.bool_)
        for run in self._runs:
            held = run["key"]
            found |= held[np.minimum(np.searchsorted(held, keys), len(held) - 1)] == keys
        return found

    def retain(self, column: str, least: int) -> None:
        """Forget the rows whose ``column`` is below ``least``, in every run of which they are at least half."""
        runs = []
        for run in self._runs:
            kept = run[column] >= least
            few = int(kept.sum())
            if few:
                runs.append({name: values[kept] for name, values in run.items()} if 2 * few <= len(kept) else run)
        self._runs = runs

    def replace(self, change: Callable[[Rows], Rows]) -> None:
        """Put in the place of every run what ``change`` makes of it: any rows with the same columns, in any order."""
        runs = [_sorted(change(run)) for run in self._runs]
        self._runs = [run for run in runs if len(run["key"])]

    def all(self) -> Rows:
        """All rows."""
        return _joined(self._runs) if self._runs else self._nothing

    def clear(self) -> None:
        """Forget all rows."""
        self._runs = []


def _joined(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sorted(rows: Rows) -> Rows:
    key = rows["key"]
    if len(key) < 2 or (key[1:] >= key[:-1]).all():
        return rows
    order = np.argsort(key, kind="stable")
    return {name: column[order] for name, column in rows.items()}
