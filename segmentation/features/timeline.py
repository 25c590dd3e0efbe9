"""The shared ground of all features: spans of ticks, accepted events in columns, and values that change at ticks.

A feature advances over a whole span of ticks in one columnar step. A tick in a span is an index ``1 … count`` (0
stands for what held before the span), and a pair (user, tick) is one integer, ``user * (count + 1) + index``, so that
sorting, grouping and looking up "the value as of" are plain operations on sorted integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.texts import Texts


@dataclass(frozen=True)
class Span:
    """The ticks ``settled + tick, … , settled + count * tick`` (microseconds), all multiples of ``tick``.

    >>> span = Span(settled=100, tick=10, count=3)
    >>> span.end, span.index(np.array([110, 130])).tolist()
    (130, [1, 3])
    >>> span.keys(np.array([0, 2]), np.array([1, 1])).tolist()  # users 0 and 2 at the first tick
    [1, 9]
    """

    settled: int
    tick: int
    count: int

    @property
    def stride(self) -> int:
        """How far apart the keys of two users are."""
        return self.count + 1

    @property
    def end(self) -> int:
        """The last tick."""
        return self.settled + self.count * self.tick

    def index(self, ticks: I64) -> I64:
        """The index of each tick; below 1 or above ``count`` outside of the span."""
        return (ticks - self.settled) // self.tick

    def keys(self, users: I64, indices: I64) -> I64:
        """One integer per (user, tick)."""
        return users * self.stride + indices


@dataclass(frozen=True)
class Events:
    """Accepted events of one shard, sorted by (user, time). All arrays have one entry per event.

    ``index`` is the tick at which the event is first counted: nondecreasing within a user, because what arrives late is
    counted at the span's first tick and lies before everything on time.

    >>> one, code = np.array([0]), np.array([0], np.int32)
    >>> events = Events(one, np.array([7]), one + 1, code, Texts(code, ["e1"]), {}, ("click",), np.array([False]))
    >>> events.named(("click",)).tolist(), events.named(("signup",)).tolist()
    ([0], [])
    """

    user: I64
    at: I64
    index: I64
    name: npt.NDArray[np.int32]
    tie: Texts
    properties: Mapping[str, Texts]
    names: tuple[str, ...]
    late: Bool

    def named(self, names: tuple[str, ...]) -> I64:
        """The rows of the events that carry one of the names; with no names: of all that are not reserved."""
        return np.flatnonzero(self.name >= 0 if not names else _name_table(self.names, names)[self.name])

    def carrying(self, names: tuple[str, ...], column: str) -> tuple[I64, Texts]:
        """The rows of the events that carry one of the names and have a value in ``column``, and these values."""
        values = self.properties[column]
        rows = np.flatnonzero(values.codes >= 0)
        chosen = self.name[rows] >= 0 if not names else _name_table(self.names, names)[self.name[rows]]
        rows = rows[chosen]
        return rows, values.take(rows)


@dataclass(frozen=True)
class Updates:
    """Values that hold from a (user, tick) on. ``keys`` is sorted and has no repeats; a column has one value per
    key.

    >>> span, held = Span(settled=0, tick=10, count=3), {"clicks": np.array([4, 0])}
    >>> write_latest(Updates(np.array([1, 3]), {"clicks": np.array([5, 6])}), held, span)  # of user 0, at 10 and at 30
    >>> held["clicks"].tolist()
    [6, 0]
    """

    keys: I64
    columns: dict[str, Column]


@lru_cache(maxsize=256)
def _name_table(known: tuple[str, ...], names: tuple[str, ...]) -> Bool:
    """By the code of a name whether it is one of ``names``; the entry behind the last is for -1."""
    return np.array([*(name in names for name in known), False])


def places_of(rows: I64, size: int) -> I64:
    """By row number (of ``size``) its place in ``rows``, -1 for those that are not among them.

    >>> places_of(np.array([2, 0]), size=3).tolist()
    [1, -1, 0]
    """
    places = np.full(size, -1, np.int64)
    places[rows] = np.arange(len(rows))
    return places


def run_starts(*sorted_columns: Column) -> I64:
    """The first position of every run of equal rows."""
    size = len(sorted_columns[0])
    if not size:
        return np.empty(0, np.int64)
    new = np.empty(size, np.bool_)
    new[0] = True
    np.not_equal(sorted_columns[0][1:], sorted_columns[0][:-1], out=new[1:])
    for column in sorted_columns[1:]:
        new[1:] |= column[1:] != column[:-1]
    return new.nonzero()[0]


def run_lengths(starts: I64, size: int) -> I64:
    """How long each run is, given where runs start in ``size`` rows."""
    if not len(starts):
        return starts
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1] = size - starts[-1]
    return lengths


def run_ends(*sorted_columns: Column) -> I64:
    """The last position of every run of equal rows."""
    starts = run_starts(*sorted_columns)
    return starts + run_lengths(starts, len(sorted_columns[0])) - 1


def ranks(starts: I64, size: int) -> I64:
    """For each of ``size`` rows its place within its run, from 0, given where runs start."""
    rank: I64 = np.arange(size) - starts.repeat(run_lengths(starts, size))
    return rank


def merged_keys(parts: Sequence[I64]) -> I64:
    """The distinct keys of all parts, sorted. A stable sort merges parts that are sorted themselves in linear time."""
    keys = np.sort(np.concatenate(parts), kind="stable")
    return keys[run_starts(keys)]


def sum_by_key(keys: I64, amounts: I64) -> tuple[I64, I64]:
    """Sorted distinct keys and the sum of the amounts of each; sums of zero are left out."""
    if not len(keys):
        return keys, amounts
    order = np.argsort(keys, kind="stable")
    keys, amounts = keys[order], amounts[order]
    starts = run_starts(keys)
    totals = np.add.reduceat(amounts, starts)
    kept = totals != 0
    return keys[starts][kept], totals[kept]


def running_totals(keys: I64, amounts: I64, before: I64, stride: int) -> I64:
    """The total after each key: what the user had ``before`` plus all amounts up to there. ``keys`` must be sorted."""
    if not len(keys):
        return amounts
    users = keys // stride
    totals = np.cumsum(amounts)
    starts = run_starts(users)
    lengths = run_lengths(starts, len(keys))
    offset = before[users[starts]] - (totals[starts] - amounts[starts])
    after: I64 = totals + np.repeat(offset, lengths)
    return after


def last_before(sorted_keys: I64, keys: I64, stride: int) -> I64:
    """For each key the position in ``sorted_keys`` of the same user's last key that is not later; -1 where there is
    none."""
    if not len(sorted_keys):
        return np.full(len(keys), -1, np.int64)
    position = np.searchsorted(sorted_keys, keys, side="right") - 1
    same = sorted_keys[np.maximum(position, 0)] // stride == keys // stride
    return np.where((position >= 0) & same, position, -1)


def combined(parts: Sequence[Updates], current: Mapping[str, Column], span: Span, also: I64 | None = None) -> Updates:
    """One `Updates` with the columns of all parts, at all of their keys (and those of ``also``)."""
    if len(parts) == 1 and also is None:
        return parts[0]
    keys = merged_keys([*(part.keys for part in parts), *([] if also is None else [also])])
    users = keys // span.stride
    columns = {}
    for part in parts:
        position = last_before(part.keys, keys, span.stride)
        known = np.flatnonzero(position >= 0)
        position = position[known]
        for name, values in part.columns.items():
            column = current[name][users]
            column[known] = values[position]
            columns[name] = column
    return Updates(keys, columns)


def last_of_users(changes: Updates, stride: int) -> tuple[I64, I64]:
    """The users that changed, and the position of the last change of each."""
    users = changes.keys // stride
    last = run_ends(users)
    return users[last], last


def write_latest(changes: Updates, current: Mapping[str, Column], span: Span) -> None:
    """Write the columns' values at the end of the span into ``current``, by user."""
    users, last = last_of_users(changes, span.stride)
    for name, values in changes.columns.items():
        current[name][users] = values[last]


@dataclass(frozen=True)
class Timeline:
    """The values of stored columns over a span: ``before`` it, by user, and from each row of ``changes`` on.

    ``changes`` also has the columns ``event`` and ``late``: whether an event (a late one) was accepted in that tick.

    >>> changes = Updates(np.array([2]), {"clicks": np.array([5])})  # the first user has 5 from tick 2 on
    >>> timeline = Timeline({"clicks": np.array([1, 9])}, changes, stride=4)
    >>> timeline.at(np.array([1, 3, 4 + 3]), ["clicks"])["clicks"].tolist()
    [1, 5, 9]
    """

    before: Mapping[str, Column]
    changes: Updates
    stride: int

    def at(self, keys: I64, names: list[str]) -> dict[str, Column]:
        """By name the values that hold at each key."""
        position = last_before(self.changes.keys, keys, self.stride)
        known = np.flatnonzero(position >= 0)
        position = position[known]
        users = keys // self.stride
        result = {}
        for name in names:
            column = self.before[name][users]
            column[known] = self.changes.columns[name][position]
            result[name] = column
        return result

    def following(self, keys: I64) -> I64:
        """For each key the key (exclusive) up to which its values hold: the user's next row, or one past the span."""
        last_of_user = (keys // self.stride + 1) * self.stride
        rows = np.append(self.changes.keys, np.iinfo(np.int64).max)
        until: I64 = np.minimum(rows[np.searchsorted(self.changes.keys, keys, side="right")], last_of_user)
        return until
