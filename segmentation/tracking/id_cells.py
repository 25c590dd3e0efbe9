"""Where remembered ids stand outside of memory: a ring of cells, each of them for a stretch of event time.

What is remembered is only ever appended: a *chunk* per hour and settlement. When event time has left a cell's stretch
behind, the cell is cleared and serves again. So nothing is ever rewritten, and forgetting costs nothing per id.

Layout of a chunk (little-endian): the hour since the epoch (4 bytes), then 20 bytes for each id: its key
(`segmentation.tracking.event_keys`; 16 bytes), and the event's time in µs after that hour (4 bytes).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from segmentation.columns.arrays import I64
from segmentation.columns.hashing import U64
from segmentation.features.timeline import run_starts
from segmentation.units import HOUR

#: How many cells there are.
CELLS: Final = 28
_ENTRY: Final = np.dtype([("high", "<u8"), ("low", "<u8"), ("after", "<u4")])
_HOUR_BYTES: Final = 4


class IdCells(Protocol):
    """Cells ``0 … CELLS - 1`` that hold chunks, in no order."""

    def read(self, cell: int) -> Iterable[bytes]:
        """The chunks of a cell."""

    def add(self, cell: int, chunk: bytes) -> None:
        """Append a chunk to a cell."""

    def clear(self, cell: int) -> None:
        """Empty a cell."""


class HeldIds:
    """Cells in memory, for a run that ends with its process.

    >>> held = HeldIds()
    >>> held.add(3, b"chunk")
    >>> held.read(3), held.read(4)
    ([b'chunk'], [])
    """

    def __init__(self) -> None:
        self._chunks: dict[int, list[bytes]] = {}

    def read(self, cell: int) -> list[bytes]:
        """The chunks of a cell."""
        return self._chunks.get(cell, [])

    def add(self, cell: int, chunk: bytes) -> None:
        """Append a chunk to a cell."""
        self._chunks.setdefault(cell, []).append(chunk)

    def clear(self, cell: int) -> None:
        """Empty a cell."""
        self._chunks.pop(cell, None)


@dataclass(frozen=True)
class Ids:
    """Keys of events in two halves, and the events' times (µs). Shapes: (ids,) each.

    >>> one = Ids(np.array([1], np.uint64), np.array([2], np.uint64), np.array([2 * HOUR + 5]))
    >>> [(hour_of(chunk), Ids.decode(chunk).at.tolist()) for chunk in one.chunks()]
    [(2, [7200000005])]
    """

    high: U64
    low: U64
    at: I64

    def __len__(self) -> int:
        return len(self.at)

    def where(self, rows: I64 | slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> "Ids":
        """Some of them: positions, a mask or a slice."""
        return Ids(self.high[rows], self.low[rows], self.at[rows])

    @classmethod
    def joined(cls, parts: Iterable["Ids"]) -> "Ids":
        """All of all parts."""
        held = [cls(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64)), *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in held]) for name in ("high", "low", "at")))

    def chunks(self) -> Iterator[bytes]:
        """A chunk for each hour in which there are some."""
        hours = self.at // HOUR
        order = np.argsort(hours, kind="stable")
        starts = run_starts(hours[order])
        for rows in np.split(order, starts[1:]) if len(starts) else ():
            hour = int(hours[rows[0]])
            entries = np.empty(len(rows), _ENTRY)
            entries["high"], entries["low"] = self.high[rows], self.low[rows]
            entries["after"] = self.at[rows] - hour * HOUR
            yield hour.to_bytes(_HOUR_BYTES, "little") + entries.tobytes()

    @classmethod
    def decode(cls, chunk: bytes) -> "Ids":
        """The ids of a chunk."""
        entries = np.frombuffer(chunk, _ENTRY, offset=_HOUR_BYTES)
        return cls(entries["high"], entries["low"], entries["after"].astype(np.int64) + hour_of(chunk) * HOUR)


def hour_of(chunk: bytes) -> int:
    """The hour since the epoch that a chunk is for."""
    return int.from_bytes(chunk[:_HOUR_BYTES], "little")


@dataclass(frozen=True)
class Ring:
    """Which cell serves which stretch of event time: whole hours, wide enough that ``memory`` µs fit into the ring.

    >>> ring = Ring.of(memory=24 * HOUR)
    >>> ring.width, ring.stretch(hour=100), ring.cell(100), ring.start(100) == 100 * HOUR
    (1, 100, 16, True)
    """

    #: Hours of a stretch.
    width: int

    @classmethod
    def of(cls, memory: int) -> "Ring":
        """The narrowest. Any stretch of ``memory`` µs touches one cell more than it has widths; one stays free."""
        return cls(-(-memory // ((CELLS - 2) * HOUR)))

    def stretch(self, hour: int) -> int:
        """The number of the stretch that has this hour."""
        return hour // self.width

    def cell(self, stretch: int) -> int:
        """The cell that serves a stretch."""
        return stretch % CELLS

    def start(self, stretch: int) -> int:
        """When a stretch begins, µs."""
        return stretch * self.width * HOUR
