"""Each event once: which of the events with one (user, event id) is accepted.

Among them, by (time, content hash), the first is accepted, and every one within `ID_MEMORY` of event time after an
accepted one is its duplicate. Ids are remembered for that long (and the disorder allowed), so the outcome does not
depend on the order of arrival. What arrives after its id may have been forgotten is too late to be told from a
duplicate.
"""

import numpy as np
import polars as pl

from segmentation.features.timeline import I64, Bool, run_starts
from segmentation.hashing import U64, hash_strings
from segmentation.units import DAY

#: Event time for which the id of an accepted event is remembered (plus the disorder allowed).
ID_MEMORY = DAY

_ID = ["user", "id_high", "id_low"]
#: Columns of remembered ids.
ID_SCHEMA = {"user": pl.Int64, "id_high": pl.UInt64, "id_low": pl.UInt64, "at": pl.Int64}


def duplicates(events: pl.DataFrame, remembered: pl.DataFrame, content: list[str]) -> Bool:
    """Which rows of ``events`` are duplicates, of each other or of remembered ids.

    Args:
        events: columns of `ID_SCHEMA`, any order of rows.
        remembered: accepted before; columns of `ID_SCHEMA`.
        content: the columns whose hash breaks ties in time.
    """
    result = np.zeros(len(events), np.bool_)
    suspects = _suspects(events, remembered)
    if not len(suspects):
        return result
    table = events[suspects].select(*_ID, "at", *content)
    parts = [pl.col(name).cast(pl.String).fill_null("\x00") for name in content]
    lanes = hash_strings(table.select(pl.concat_str(parts, separator="\x1f")).to_series())
    table = table.select(*_ID, "at", content=lanes[0], row=pl.Series(suspects), accepted=pl.lit(value=False))
    known = remembered.join(table.select(_ID).unique(), on=_ID, how="semi")
    known = known.with_columns(content=pl.lit(0, pl.UInt64), row=pl.lit(-1, pl.Int64), accepted=pl.lit(value=True))
    table = pl.concat([table, known.select(table.columns)])
    table = table.sort(*_ID, ~pl.col("accepted"), "at", "content", "row")
    rows = table["row"].to_numpy()
    repeated = _within_memory(table)
    result[rows[repeated & (rows >= 0)]] = True
    return result


def _suspects(events: pl.DataFrame, remembered: pl.DataFrame) -> I64:
    """The rows whose id may stand more than once: found by sorting one 64-bit mix, so rarely also some others."""
    mix = _mixed(events) if not len(remembered) else np.concatenate([_mixed(events), _mixed(remembered)])
    order = np.argsort(mix)
    mix = mix[order]
    same = np.flatnonzero(mix[1:] == mix[:-1])
    marked = np.unique(np.concatenate([order[same], order[same + 1]]))
    return marked[marked < len(events)]


def _mixed(table: pl.DataFrame) -> U64:
    mix = table["user"].to_numpy().astype(np.uint64)
    mix *= np.uint64(0x9E3779B97F4A7C15)
    mix ^= table["id_high"].to_numpy()
    mix += table["id_low"].to_numpy()
    return mix


def _within_memory(table: pl.DataFrame) -> Bool:
    """In rows sorted by id and precedence: which come within memory of the last accepted row of their id."""
    columns = [table[name].to_numpy() for name in _ID]
    at = table["at"].to_numpy()
    given = table["accepted"].to_numpy()
    starts = run_starts(*columns)
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(table))))
    leader = at[starts]
    repeated = np.zeros(len(table), np.bool_)
    open_ = np.ones(len(table), np.bool_)
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
