"""Which of many keys may have been seen before, in 8 bytes of memory each: "surely not", or "look in this cell".

A fingerprint is the upper 56 bits of a key's upper half, and behind them the number of the cell (below 256) that has
the whole key. They stand in sorted runs that are merged as they grow, but never beyond `_LONGEST`, so that merging
copies little at a time. Of 20 million fingerprints one is taken for another about once in three billion questions.
"""

import sys
from typing import Final

import numpy as np

from segmentation.columns.arrays import I64, Bool
from segmentation.columns.hashing import U64

_CELL: Final = np.uint64(0xFF)
_KEY: Final = ~_CELL
#: A run is merged into the one before it unless that one is this many times as long, or longer.
_RATIO: Final = 4
#: Entries that a merged run has at most (64 MB).
_LONGEST: Final = 1 << 23


class Fingerprints:
    """A multiset of (key, cell). Keys are the upper halves of keys of events, 64 bits.

    >>> seen = Fingerprints()
    >>> seen.add(np.array([1 << 60, 7 << 60], np.uint64), cell=3)
    >>> rows, cells = seen.find(np.array([1 << 60, 2 << 60], np.uint64))
    >>> rows.tolist(), cells.tolist()
    ([0], [3])
    >>> seen.drop({3})
    >>> len(seen)
    0
    """

    def __init__(self) -> None:
        self._runs: list[U64] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, keys: U64, cell: int) -> None:
        """Remember ``keys`` (any order) as standing in ``cell``."""
        if len(keys):
            self._runs.append(np.sort((keys & _KEY) | np.uint64(cell)))
            self._merge()

    def find(self, keys: U64) -> tuple[I64, I64]:
        """(position in ``keys``, cell) of each that may be remembered, once a cell. Sorted keys are found faster."""
        wanted = keys & _KEY
        found = [_found(run, wanted) for run in self._runs]
        rows = np.concatenate([rows for rows, _ in found]) if found else np.empty(0, np.int64)
        cells = np.concatenate([cells for _, cells in found]) if found else np.empty(0, np.int64)
        return rows, cells

    def drop(self, cells: set[int]) -> None:
        """Forget what stands in ``cells``."""
        gone: Bool = np.zeros(256, np.bool_)
        gone[list(cells)] = True
        runs, self._runs = self._runs, []
        while runs:
            run = runs.pop(0)
            dropped = gone[_cells(run)]
            kept = run[~dropped] if dropped.any() else run
            if len(kept):
                self._runs.append(kept)
        self._merge()

    def _merge(self) -> None:
        runs: list[U64] = []
        for run in self._runs:
            runs.append(run)
            while len(runs) > 1 and _to_be_merged(len(runs[-2]), len(runs[-1])):
                last = runs.pop()
                # Two sorted runs: a stable sort merges them in linear time.
                runs[-1] = np.sort(np.concatenate([runs[-1], last]), kind="stable")
        self._runs = runs


def _cells(run: U64) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The cell of each entry: its lowest byte, looked at in place."""
    lowest = 0 if sys.byteorder == "little" else run.itemsize - 1
    return run.view(np.uint8)[lowest :: run.itemsize]


def _to_be_merged(before: int, last: int) -> bool:
    return before < _RATIO * last and before + last <= _LONGEST


def _found(run: U64, wanted: U64) -> tuple[I64, I64]:
    position = np.searchsorted(run, wanted)
    rows = np.flatnonzero((run[np.minimum(position, len(run) - 1)] & _KEY) == wanted)
    if not len(rows):
        return rows, rows
    starts = position[rows]
    lengths = np.searchsorted(run, wanted[rows] | _CELL, side="right") - starts
    rows = np.repeat(rows, lengths)
    places = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(len(rows))
    return rows, _cells(run)[places].astype(np.int64)
