"""Each event once: which of the events with one (user, event id) is accepted.

Among them, by (time, content hash), the first is accepted, and every one within `ID_MEMORY` of event time after an
accepted one is its duplicate. Ids are remembered for that long (and the disorder allowed), so the outcome does not
depend on the order of arrival. An event that arrives when its id may have been forgotten is too late: it could be a
duplicate.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.hashing import U64, hash_strings
from segmentation.columns.runs import Rows, Runs
from segmentation.features.timeline import run_lengths, run_starts
from segmentation.tracking.event_rows import EventRows
from segmentation.units import DAY

#: Event time for which the id of an accepted event is remembered (plus the disorder allowed).
ID_MEMORY = DAY

#: Columns of remembered ids; ``key`` mixes user and id into one integer.
_REMEMBERED = {"key": np.uint64, "user": np.int64, "id_high": np.uint64, "id_low": np.uint64, "at": np.int64}


class Remembered:
    """The ids of accepted events, kept for ``memory`` µs of event time before the last settled tick.

    >>> ids = {"id_high": np.array([7, 7], np.uint64), "id_low": np.array([7, 7], np.uint64)}
    >>> twice = EventRows({"user": np.array([1, 1]), "at": np.array([9, 5]), **ids}, {})
    >>> Remembered(memory=DAY).duplicates(twice, settled=None, content=["at"]).tolist()
    [True, False]
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._ids = Runs(_REMEMBERED)
        #: Sorted in when first needed: a run over files that ends after one advance never needs them.
        self._latest: list[Rows] = []
        self._swept = 0

    def add(self, events: EventRows, until: int | None) -> None:
        """Remember the accepted events that may matter after the tick ``until`` (µs; None: all of them)."""
        since = 0 if until is None else until - self._memory
        recent = events["at"] >= since
        rows = {name: events[name][recent] for name in _REMEMBERED if name != "key"}
        self._latest.append(rows)
        # Ids that are too old are ignored, and removed only now and then: that costs a pass over all.
        if since - self._swept > self._memory // 16:
            self._ids.retain("at", since)
            self._swept = since

    def duplicates(self, events: EventRows, settled: int | None, content: list[str]) -> Bool:
        """Which of ``events`` are duplicates, of each other or of remembered ones.

        Args:
            events: any order of rows.
            settled: the last settled tick, µs.
            content: the columns whose hash breaks ties in time.
        """
        result = np.zeros(len(events), np.bool_)
        self._sort_in()
        suspects, mix = self._suspects(events)
        if not len(suspects):
            return result
        known = self._known(mix[suspects], settled)
        table = _candidates(events.where(suspects), suspects, known, content)
        repeated = _within_memory(table)
        result[table.row[repeated & (table.row >= 0)]] = True
        return result

    def table(self) -> pl.DataFrame:
        """All remembered ids: ``user``, ``id_high``, ``id_low``, ``at``."""
        self._sort_in()
        rows = self._ids.all()
        return pl.DataFrame({name: rows[name] for name in _REMEMBERED if name != "key"})

    def restore(self, table: pl.DataFrame) -> None:
        """Take over what `table` gave."""
        rows = {name: table[name].to_numpy() for name in _REMEMBERED if name != "key"}
        self._ids.clear()
        self._latest = [rows]

    def _sort_in(self) -> None:
        for rows in self._latest:
            self._ids.add({"key": _mixed(rows), **rows})
        self._latest.clear()

    def _suspects(self, events: EventRows) -> tuple[I64, U64]:
        """The rows whose id may stand more than once (rarely also some others), and the mixed ids of all."""
        mix = _mixed(events.columns)
        order = np.argsort(mix)
        ordered = mix[order]
        marked = np.zeros(len(mix), np.bool_)
        same = np.flatnonzero(ordered[1:] == ordered[:-1])
        if len(same):
            marked[order[same]] = True
            marked[order[same + 1]] = True
        if len(self._ids):
            # Sorted ones are looked up faster.
            marked[order] |= self._ids.contains(ordered)
        return np.flatnonzero(marked), mix

    def _known(self, mix: U64, settled: int | None) -> Rows:
        found = self._ids.having(np.unique(mix))
        recent = found["at"] >= (0 if settled is None else settled - self._memory)
        return {name: column[recent] for name, column in found.items()}


@dataclass(frozen=True)
class _Candidates:
    """Events with suspicious ids, sorted by id and precedence; ``row`` is -1 for those accepted before."""

    user: I64
    id_high: U64
    id_low: U64
    at: I64
    row: I64


def _candidates(events: EventRows, rows: I64, known: Rows, content: list[str]) -> _Candidates:
    columns = {name: np.concatenate([events[name], known[name]]) for name in _REMEMBERED if name != "key"}
    row = np.concatenate([rows, np.full(len(known["at"]), -1)])
    hashed = np.concatenate([_content(events, content), np.zeros(len(known["at"]), np.uint64)])
    keys = (row, hashed, columns["at"], row >= 0, columns["id_low"], columns["id_high"], columns["user"])
    order = np.lexsort(keys)
    return _Candidates(row=row[order], **{name: column[order] for name, column in columns.items()})


def _content(events: EventRows, names: list[str]) -> U64:
    """The hash of each event's content."""
    parts = []
    for name in names:
        if name in events.texts:
            parts.append(events.texts[name].strings("\x00"))
        else:
            parts.append([str(value) for value in events[name].tolist()])
    return hash_strings(pl.Series(["\x1f".join(each) for each in zip(*parts, strict=True)], dtype=pl.String))[0]


def _mixed(columns: Mapping[str, Column]) -> U64:
    mix: U64 = columns["user"].astype(np.uint64)
    mix *= np.uint64(0x9E3779B97F4A7C15)
    mix ^= columns["id_high"]
    mix += columns["id_low"]
    return mix


def _within_memory(table: _Candidates) -> Bool:
    """Which of them come at most `ID_MEMORY` after the last accepted one with their id."""
    at, given = table.at, table.row < 0
    starts = run_starts(table.user, table.id_high, table.id_low)
    group = np.repeat(np.arange(len(starts)), run_lengths(starts, len(at)))
    leader = at[starts]
    repeated = np.zeros(len(at), np.bool_)
    open_ = np.ones(len(at), np.bool_)
    open_[starts] = False
    while open_.any():
        near = open_ & ~given & (at <= leader[group] + ID_MEMORY)
        repeated |= near
        open_ &= ~near
        rows = np.flatnonzero(open_)
        first = rows[run_starts(group[rows])]
        leader[group[first]] = np.maximum(leader[group[first]], at[first])
        open_[first] = False
    return repeated
