"""Each event once: which of the events with one (user, event id) is accepted.

Among them, by (time, content hash), the first is accepted, and every one within a given span of event time after an
accepted one (`--duplicates-within`) is its duplicate. Ids are remembered for that long (and the disorder allowed), so
the outcome does not depend on the order of arrival. An event that arrives when its id may have been forgotten is too
late: it could be a duplicate.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool
from segmentation.columns.hashing import U64, hash_strings
from segmentation.features.timeline import run_lengths, run_starts
from segmentation.tracking.event_rows import EventRows
from segmentation.tracking.id_cells import Ids


@dataclass(frozen=True)
class _Candidates:
    """Events whose ids stand more than once, sorted by id and precedence; ``row`` is -1 for those accepted before."""

    high: U64
    low: U64
    at: I64
    row: I64


def repeated(events: EventRows, ids: Ids, known: Ids, *, content: list[str], within: int) -> Bool:
    """Which events are duplicates, of each other or of those that were accepted before. Shape: (events,).

    Args:
        events: any order of rows.
        ids: their keys and times.
        known: the keys and times of accepted ones; without effect where no event has the key.
        content: the columns of ``events`` whose hash breaks ties in time.
        within: how long (µs) after an accepted event another one with its key is its duplicate.

    >>> twice = EventRows({"at": np.array([9, 5])}, {})
    >>> ids = Ids(np.array([7, 7], np.uint64), np.array([7, 7], np.uint64), twice["at"])
    >>> repeated(twice, ids, Ids.joined([]), content=["at"], within=4).tolist()
    [True, False]
    """
    result = np.zeros(len(events), np.bool_)
    suspects = _shared(ids.high)
    if len(known):
        suspects |= np.isin(ids.high, known.high)
    rows = np.flatnonzero(suspects)
    if len(rows):
        table = _candidates(events.where(rows), ids.where(rows), rows, known, content)
        again = _within(table, within)
        result[table.row[again & (table.row >= 0)]] = True
    return result


def _shared(keys: U64) -> Bool:
    """Which keys stand more than once."""
    order = np.argsort(keys)
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    result = np.zeros(len(keys), np.bool_)
    result[order[same]] = True
    result[order[same + 1]] = True
    return result


def _candidates(events: EventRows, ids: Ids, rows: I64, known: Ids, content: list[str]) -> _Candidates:
    both = Ids.joined([ids, known])
    row = np.concatenate([rows, np.full(len(known), -1)])
    hashed = np.concatenate([_content(events, content), np.zeros(len(known), np.uint64)])
    order = np.lexsort((row, hashed, both.at, row >= 0, both.low, both.high))
    return _Candidates(both.high[order], both.low[order], both.at[order], row[order])


def _content(events: EventRows, names: list[str]) -> U64:
    """The hash of each event's content."""
    parts = []
    for name in names:
        if name in events.texts:
            parts.append(events.texts[name].strings("\x00"))
        else:
            parts.append([str(value) for value in events[name].tolist()])
    return hash_strings(pl.Series(["\x1f".join(each) for each in zip(*parts, strict=True)], dtype=pl.String))[0]


def _within(table: _Candidates, within: int) -> Bool:
    """Which of them come at most ``within`` (µs) after the last accepted one with their id."""
    at, given = table.at, table.row < 0
    starts = run_starts(table.high, table.low)
    group = np.repeat(np.arange(len(starts)), run_lengths(starts, len(at)))
    leader = at[starts]
    again = np.zeros(len(at), np.bool_)
    open_ = np.ones(len(at), np.bool_)
    open_[starts] = False
    while open_.any():
        near = open_ & ~given & (at <= leader[group] + within)
        again |= near
        open_ &= ~near
        rows = np.flatnonzero(open_)
        first = rows[run_starts(group[rows])]
        leader[group[first]] = np.maximum(leader[group[first]], at[first])
        open_[first] = False
    return again
