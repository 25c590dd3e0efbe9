"""Events of one shard as columns, and the events among them that have not counted yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.runs import Runs
from segmentation.columns.texts import Texts
from segmentation.features.timeline import run_ends

#: Columns of events that wait for their tick (``counted_at``, µs); besides them there are columns of texts.
PENDING = {
    "user": np.int64,
    "id_high": np.uint64,
    "id_low": np.uint64,
    "at": np.int64,
    "name": np.int32,
    "counted_at": np.int64,
}
_FIRST_CAPACITY = 64
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class EventRows:
    """A row per event.

    >>> rows = EventRows({"at": np.array([5, 9])}, {"p:channel": Texts.of(["paid", None])})
    >>> rows.where(rows["at"] > 5).texts["p:channel"].to_list()
    [None]
    """

    columns: Mapping[str, Column]
    texts: Mapping[str, Texts]

    def __len__(self) -> int:
        return len(self.columns["at"])

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def where(self, rows: Column | slice) -> "EventRows":
        """Some rows: positions, a mask or a slice."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return EventRows(columns, {name: texts.take(rows) for name, texts in self.texts.items()})


class Pending:
    """Events in the order of their arrival, in columns that grow in place. The index by user is made when first needed.

    Args:
        texts: the names of the columns of texts; null where a batch lacks one.

    >>> pending = Pending(texts=[])
    >>> pending.add(EventRows({name: np.array([60, 120], kind) for name, kind in PENDING.items()}, {}))
    >>> len(pending.take_up_to(60)), pending.first_tick
    (1, 120)
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)
        self._reset()

    def _reset(self) -> None:
        self._size = 0
        kinds = {**PENDING, **dict.fromkeys(self._texts, np.int32)}
        self._columns: dict[str, Column] = {name: np.empty(_FIRST_CAPACITY, kind) for name, kind in kinds.items()}
        self._values: dict[str, list[str]] = {name: [] for name in self._texts}
        self._by_user = Runs({"key": np.int64, "row": np.int64})
        self._indexed = 0
        #: The earliest tick (µs) that an event waits for.
        self._first = _NEVER

    def __len__(self) -> int:
        return self._size

    @property
    def first_tick(self) -> int | None:
        """The earliest tick (µs) that an event waits for."""
        return self._first if self._size else None

    def add(self, events: EventRows) -> None:
        """More events, with the columns of `PENDING`."""
        if not len(events):
            return
        start, end = self._size, self._size + len(events)
        self._make_room(end)
        for name in PENDING:
            self._columns[name][start:end] = events.columns[name]
        for name in self._texts:
            self._columns[name][start:end] = self._codes(name, events.texts.get(name), end - start)
        self._size = end
        self._first = min(self._first, int(events["counted_at"].min()))

    def of_users(self, users: I64) -> EventRows:
        """The events of ``users``, which are sorted and distinct."""
        if self._indexed < self._size:
            rows = np.arange(self._indexed, self._size)
            self._by_user.add({"key": self._columns["user"][self._indexed : self._size].copy(), "row": rows})
            self._indexed = self._size
        return self._rows(self._by_user.having(users)["row"])

    def all(self) -> EventRows:
        """All of them."""
        return self._rows(slice(0, self._size))

    def take_up_to(self, until: int | None) -> EventRows:
        """Remove and return the events that count up to ``until`` (µs; None: all)."""
        everything = self.all()
        due = everything["counted_at"] <= until if until is not None and self._size else None
        if due is not None and not due.any():
            return everything.where(slice(0, 0))
        self._reset()
        if due is None or due.all():
            return everything
        rest = everything.where(~due)
        self.add(EventRows(rest.columns, {name: texts.compact() for name, texts in rest.texts.items()}))
        return everything.where(due)

    def users(self) -> I64:
        """The distinct users with an event, sorted."""
        return np.unique(self._columns["user"][: self._size])

    def renumber(self, numbers: I64) -> None:
        """Give users other numbers, by old number."""
        user = self._columns["user"][: self._size]
        user[:] = numbers[user]
        self._by_user.clear()
        self._indexed = 0

    def of(self, wanted: Bool) -> None:
        """Keep only the events of users who are ``wanted``, by their number."""
        events = self.all()
        kept = events.where(wanted[events["user"]])
        self._reset()
        self.add(EventRows(kept.columns, {name: column.compact() for name, column in kept.texts.items()}))

    def _rows(self, rows: Column | slice) -> EventRows:
        columns = {name: self._columns[name][rows] for name in PENDING}
        texts = {name: Texts(self._columns[name][rows], self._values[name]) for name in self._texts}
        return EventRows(columns, texts)

    def _codes(self, name: str, texts: Texts | None, size: int) -> Column:
        if texts is None or not texts.values:
            return np.full(size, -1, np.int32)
        held = self._values[name]
        codes = np.where(texts.codes < 0, texts.codes, texts.codes + np.int32(len(held)))
        held.extend(texts.values)
        return codes

    def _make_room(self, size: int) -> None:
        capacity = len(self._columns["at"])
        if size > capacity:
            longer = max(size, 2 * capacity)
            for name, column in self._columns.items():
                grown = np.empty(longer, column.dtype)
                grown[: self._size] = column[: self._size]
                self._columns[name] = grown


def in_order(user: I64, at: I64) -> I64:
    """The order that sorts rows by (user, time)."""
    if not len(user):
        return np.empty(0, np.int64)
    first, last = int(at.min()), int(at.max())
    reach = last - first + 1
    if (int(user.max()) + 1) * reach < _NEVER:
        return np.argsort(user * reach + (at - first))
    return np.lexsort((at, user))


def latest_by_user(user: I64, at: I64) -> tuple[I64, I64]:
    """The distinct users, sorted, and the latest time of each."""
    order = in_order(user, at)
    last = order[run_ends(user[order])]
    return user[last], at[last]
