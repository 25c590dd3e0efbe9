"""The ids of accepted events, for as long as a repeat of them is to be told.

Whole keys stand in cells outside of memory (`segmentation.tracking.id_cells`). In memory there is a fingerprint of
each (`segmentation.tracking.fingerprints`), which says of nearly every new event that it is new. What a tick settles
is decided by whole keys: where a fingerprint says "maybe", its cell is read, once a tick at most.
"""

from typing import Final

import numpy as np

from segmentation.columns.arrays import I64, Bool
from segmentation.columns.hashing import U64
from segmentation.tracking.fingerprints import Fingerprints
from segmentation.tracking.id_cells import CELLS, IdCells, Ids, Ring, hour_of

#: So many of the latest ids stay in memory as a whole: repeats of what has just settled cost no reading.
_RECENT: Final = 1 << 16


class Remembered:
    """The ids of accepted events.

    Args:
        within: how long (µs of event time) after an accepted event another one with its key is its duplicate.
        memory: how long (µs) before the last settled tick an id is remembered: ``within`` and the disorder allowed.

    >>> from segmentation.tracking.id_cells import HeldIds
    >>> from segmentation.units import DAY
    >>> cells, remembered = HeldIds(), Remembered(DAY, DAY)
    >>> first = Ids(np.array([1 << 60], np.uint64), np.array([2], np.uint64), np.array([5]))
    >>> remembered.add(first, until=60)
    >>> remembered.write(cells)
    >>> remembered.known(first, settled=60, cells=cells).at.tolist()
    [5]
    """

    def __init__(self, within: int, memory: int) -> None:
        self._within = within
        self._memory = memory
        self._ring = Ring.of(memory)
        self._prints = Fingerprints()
        #: By cell the stretch whose ids it holds.
        self._stretches: dict[int, int] = {}
        self._recent: list[Ids] = []
        #: What is to be written: a run over files that ends after one advance never needs it.
        self._queued: list[tuple[Ids, int]] = []

    def __len__(self) -> int:
        return len(self._prints)

    def add(self, ids: Ids, until: int) -> None:
        """Remember accepted events that may matter after the tick ``until`` (µs). `write` must follow."""
        self._queued.append((ids, until))

    def write(self, cells: IdCells) -> None:
        """Write what was added, and clear the cells whose time has passed."""
        for ids, until in self._queued:
            since = until - self._memory
            self._clear_before(since, cells)
            recent = ids.where(ids.at >= since)
            for chunk in recent.chunks():
                cells.add(self._place(chunk), chunk)
            self._keep_recent(recent)
        self._queued.clear()

    def load(self, cells: IdCells) -> None:
        """Take over what cells hold that an earlier worker wrote, perhaps for another memory."""
        moved: list[bytes] = []
        for cell in range(CELLS):
            chunks = list(cells.read(cell))
            if all(self._cell(hour_of(chunk)) == cell for chunk in chunks):
                for chunk in chunks:
                    self._place(chunk)
            else:
                moved += chunks
                cells.clear(cell)
        for chunk in moved:
            cells.add(self._place(chunk), chunk)

    def known(self, ids: Ids, settled: int | None, cells: IdCells) -> Ids:
        """The remembered ones among ``ids``, with the times (µs) of the accepted events; ``settled`` is the last tick.

        Rarely some that nobody asked for are among them.
        """
        self.write(cells)
        rows, places = self._find(ids)
        if not len(rows):
            return Ids.joined([])
        found = Ids.joined(_having(part, np.unique(ids.high[rows])) for part in self._recent)
        # What stands among the recent ones was accepted there last: an earlier time of it can't matter.
        open_ = ~_are_among(ids.where(rows), found)
        wanted = np.unique(ids.high[rows[open_]])
        read = (Ids.decode(chunk) for cell in np.unique(places[open_]).tolist() for chunk in cells.read(cell))
        known = Ids.joined([found, *(_having(part, wanted) for part in read)])
        return known.where(known.at >= self._since(settled))

    def likely(self, ids: Ids, settled: int | None, cells: IdCells) -> Ids:
        """As `known`, but by fingerprints alone and with the least times that they allow; cells are read only where
        that leaves open whether an event is a duplicate."""
        self.write(cells)
        rows, places = self._find(ids)
        if not len(rows):
            return Ids.joined([])
        least = np.array([self._ring.start(self._stretches[place]) for place in places.tolist()], np.int64)
        sure = (ids.at[rows] <= least + self._within) & (least >= self._since(settled))
        told = Ids(ids.high[rows[sure]], ids.low[rows[sure]], least[sure])
        rest = ids.where(np.unique(rows[~sure]))
        return Ids.joined([told, self.known(rest, settled, cells)]) if len(rest) else told

    def _keep_recent(self, ids: Ids) -> None:
        if len(ids) > _RECENT:
            # The latest by time: no other acceptance of an id that stays may come after the one that does.
            ids = ids.where(np.argpartition(ids.at, -_RECENT)[-_RECENT:])
        self._recent.append(ids)
        while sum(map(len, self._recent[1:])) >= _RECENT:
            del self._recent[0]

    def _since(self, settled: int | None) -> int:
        return 0 if settled is None else settled - self._memory

    def _find(self, ids: Ids) -> tuple[I64, I64]:
        """(position in ``ids``, cell) of those that may be remembered."""
        if not len(self._prints):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        # Sorted ones are looked up faster.
        order = np.argsort(ids.high)
        rows, places = self._prints.find(ids.high[order])
        return order[rows], places

    def _cell(self, hour: int) -> int:
        return self._ring.cell(self._ring.stretch(hour))

    def _place(self, chunk: bytes) -> int:
        """Take a chunk into memory; the cell that it belongs to."""
        stretch = self._ring.stretch(hour_of(chunk))
        cell = self._ring.cell(stretch)
        self._stretches[cell] = stretch
        self._prints.add(Ids.decode(chunk).high, cell)
        return cell

    def _clear_before(self, since: int, cells: IdCells) -> None:
        past = {cell for cell, stretch in self._stretches.items() if self._ring.start(stretch + 1) <= since}
        if past:
            self._prints.drop(past)
            for cell in past:
                del self._stretches[cell]
                cells.clear(cell)


def _having(ids: Ids, keys: U64) -> Ids:
    """Those whose upper half is among ``keys``, which are sorted and distinct."""
    if not len(keys):
        return Ids.joined([])
    places = np.minimum(np.searchsorted(keys, ids.high), len(keys) - 1)
    return ids.where(keys[places] == ids.high)


def _are_among(ids: Ids, others: Ids) -> Bool:
    """Which keys stand among ``others``. Where two of those share their upper half, it may say no for one of them."""
    if not len(others):
        return np.zeros(len(ids), np.bool_)
    order = np.argsort(others.high)
    places = order[np.minimum(np.searchsorted(others.high[order], ids.high), len(order) - 1)]
    found: Bool = (others.high[places] == ids.high) & (others.low[places] == ids.low)
    return found
