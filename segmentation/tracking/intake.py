"""The events of one shard before they count: pending events by the tick at which they count, and remembered ids."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.texts import Texts
from segmentation.features.timeline import Events, Span
from segmentation.messages import EventsOfShard
from segmentation.rules.model import Rules
from segmentation.rules.property_plan import property_plan
from segmentation.tracking import DUPLICATES_WITHIN
from segmentation.tracking.acceptance import repeated
from segmentation.tracking.event_keys import EventKeys
from segmentation.tracking.event_rows import PENDING, EventRows, Pending, in_order
from segmentation.tracking.id_cells import HeldIds, IdCells, Ids
from segmentation.tracking.remembered import Remembered

#: Stands for every event name that no feature reads by name.
OTHER_NAME = ""
NO_ROWS = np.empty(0, np.uint32)


@dataclass
class Counts:
    """What became of the events so far, in events; and the number of users known.

    >>> Counts(accepted=3).copy()
    Counts(accepted=3, duplicate=0, too_late=0, late=0, users=0)
    """

    accepted: int = 0
    duplicate: int = 0
    too_late: int = 0
    late: int = 0
    users: int = 0

    def copy(self) -> "Counts":
        """As they are now."""
        return replace(self)


class Accepted(NamedTuple):
    """The accepted events of a span, and which of the events that came were not: positions in the order of arrival.

    >>> Accepted(EventRows({"at": np.array([5])}, {}), NO_ROWS).repeated.tolist()
    []
    """

    events: EventRows
    repeated: Column


class Intake:
    """Takes events in and gives them out, each once, when their tick settles.

    Args:
        rules: the rules to follow.
        max_disorder: how far (µs of event time) events may arrive out of order and still be on time.
        duplicates_within: how long (µs of event time) after an accepted event another one with its id is its duplicate.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> one = {"user": [0], "id_high": [1], "id_low": [1], "at": [5], "name": [0]}
    >>> columns = {name: np.array(values) for name, values in one.items()}
    >>> intake = Intake(rules, max_disorder=0)
    >>> intake.keys.meet([bytes(32)])
    >>> intake.add(EventsOfShard([bytes(32)], columns, {}, ("click",), clock=5), np.array([0]), settled=None)
    >>> intake.first_tick(), len(intake.accept(until=60_000_000, settled=None).events)
    (60000000, 1)
    """

    def __init__(self, rules: Rules, max_disorder: int, duplicates_within: int = DUPLICATES_WITHIN) -> None:
        self.counts = Counts()
        #: How far (µs) before the last settled tick an event may still be accepted: its id is remembered that long.
        self.memory = duplicates_within + max_disorder
        self.keys = EventKeys()
        #: Where the ids of accepted events stand; a live stage puts its own in the place of these, which are in memory.
        self.cells: IdCells = HeldIds()
        self._within = duplicates_within
        self.names = _names(rules)
        self._tick = rules.tick
        self._properties = _property_columns(rules)
        self._content = sorted([*self._properties, "name"])
        self._pending = Pending(("tie", *self._properties))
        self._remembered = Remembered(duplicates_within, self.memory)
        self._known_codes: tuple[tuple[str, ...], Column] = ((), np.array([-1], np.int32))
        #: The latest time (µs) of an accepted event.
        self.latest: int | None = None

    def add(self, batch: EventsOfShard, rows: I64, settled: int | None) -> None:
        """Take in a batch whose users have the numbers ``rows``, when ``settled`` (µs) was the last settled tick."""
        events = EventRows(batch.columns, batch.texts)
        if settled is not None:
            punctual = events["at"] >= settled - self.memory
            if not punctual.all():
                self.counts.too_late += len(events) - int(punctual.sum())
                events = events.where(punctual)
        if not len(events):
            return
        counted_at = (events["at"] // self._tick + 1) * self._tick
        if settled is not None:
            counted_at = np.maximum(counted_at, settled + self._tick)
        user, name = rows[events["user"]], self._codes(batch.names)[events["name"]]
        columns = {**events.columns, "user": user, "name": name, "counted_at": counted_at}
        self._pending.add(EventRows(columns, events.texts))

    def waiting(self) -> I64:
        """The users with pending events, sorted."""
        return self._pending.users()

    def renumber(self, numbers: I64) -> None:
        """Give users with pending events other numbers, by old number."""
        self._pending.renumber(numbers)

    def keep(self, rows: I64, places: I64) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``; ``places`` are their places by row. No event waits for
        others."""
        self._pending.renumber(places)
        self.keys.keep(rows)

    def first_tick(self) -> int | None:
        """The earliest tick (µs) that a pending event waits for."""
        return self._pending.first_tick

    def accept(self, until: int | None, settled: int | None, told: Column | None = None) -> "Accepted":
        """The accepted events that count up to ``until`` (µs, None: all); later ones stay pending.

        Args:
            until: a tick; None ends the run, so that nothing need be remembered.
            settled: the last settled tick, µs.
            told: the duplicates among them, where an earlier worker has told and remembered all of this already.
        """
        events = self._pending.take_up_to(until)
        ids = self._ids(events)
        if told is None:
            known = self._remembered.known(ids, settled, self.cells) if len(events) else ids
            told = np.flatnonzero(self._repeated(events, ids, known)).astype(np.uint32)
            self._remember(ids, told, until)
        if len(told):
            events = events.where(_all_but(told, len(events)))
        self.counts.duplicate += len(told)
        self.counts.accepted += len(events)
        if len(events):
            latest = int(events["at"].max())
            self.latest = latest if self.latest is None else max(self.latest, latest)
        return Accepted(events, told)

    def write_ids(self) -> None:
        """Write the ids that `accept` has remembered into the cells."""
        self._remembered.write(self.cells)

    def load_ids(self) -> None:
        """Take over the ids in the cells."""
        self._remembered.load(self.cells)

    def peek(self, users: I64, settled: int | None) -> tuple[EventRows, EventRows]:
        """The pending events of ``users`` (sorted, distinct), and those of them that would be accepted now."""
        pending = self._pending.of_users(users)
        ids = self._ids(pending)
        again = self._repeated(pending, ids, self._remembered.likely(ids, settled, self.cells))
        return pending, pending.where(~again) if again.any() else pending

    def _ids(self, events: EventRows) -> Ids:
        return Ids(*self.keys.of(events), events["at"])

    def _repeated(self, events: EventRows, ids: Ids, known: Ids) -> Bool:
        return repeated(events, ids, known, content=self._content, within=self._within)

    def _remember(self, ids: Ids, repeats: Column, until: int | None) -> None:
        if until is not None:
            self._remembered.add(ids.where(_all_but(repeats, len(ids))) if len(repeats) else ids, until)

    def keep_waiting(self, wanted: Bool) -> None:
        """Keep only the pending events of users who are ``wanted``, by their number."""
        self._pending.of(wanted)

    def join(self, other: Self, users: int) -> None:
        """Take in the pending events of another intake, whose user 0 is user ``users`` here, and its counts."""
        events = other._pending.all()
        self._pending.add(EventRows({**events.columns, "user": events["user"] + users}, events.texts))
        added = {name: count + getattr(other.counts, name) for name, count in asdict(self.counts).items()}
        self.counts = Counts(**added)
        self.latest = max((each for each in (self.latest, other.latest) if each is not None), default=None)

    def in_columns(self, events: EventRows, span: Span) -> Events:
        """Accepted events as features take them."""
        if len(events):
            events = events.where(in_order(events["user"], events["at"]))
        at, counted_at = events["at"], events["counted_at"]
        return Events(
            user=events["user"],
            at=at,
            index=span.index(counted_at),
            name=events["name"],
            tie=events.texts["tie"],
            properties=events.texts,
            names=self.names,
            late=self.are_late(events),
        )

    def are_late(self, events: EventRows) -> Bool:
        """Which events count from a later tick than their own."""
        late: Bool = events["counted_at"] > (events["at"] // self._tick + 1) * self._tick
        return late

    def tables(self) -> dict[str, pl.DataFrame]:
        """``pending``, ``names`` (what the codes of pending events stand for), ``counts``. Ids stand in the cells."""
        pending = self._pending.all()
        texts = {name: pl.Series(column.to_list(), dtype=pl.String) for name, column in pending.texts.items()}
        names = pl.DataFrame({"name": pl.Series(self.names, dtype=pl.String)})
        counts = pl.DataFrame([asdict(self.counts)])
        table = pl.DataFrame({**pending.columns, **texts})
        return {"pending": table, "names": names, "counts": counts}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave; the rules may tell other names apart by now."""
        pending = tables["pending"]
        columns = {name: pending[name].to_numpy() for name in PENDING}
        columns["name"] = self._codes(tuple(tables["names"]["name"]))[columns["name"]]
        texts = {name: Texts.of(pending[name].to_list()) for name in pending.columns if name not in PENDING}
        self._pending = Pending(("tie", *self._properties))
        self._pending.add(EventRows(columns, texts))
        self.counts = Counts(**tables["counts"].row(0, named=True))

    def _codes(self, names: tuple[str, ...]) -> Column:
        """This intake's code of each name; the entry behind the last is for -1, a reserved event."""
        if self._known_codes[0] != names:
            known = {name: code for code, name in enumerate(self.names)}
            codes = np.array([*(known.get(name, known[OTHER_NAME]) for name in names), -1], np.int32)
            self._known_codes = (names, codes)
        return self._known_codes[1]


def _all_but(rows: Column, size: int) -> Bool:
    kept = np.ones(size, np.bool_)
    kept[rows] = False
    return kept


def _names(rules: Rules) -> tuple[str, ...]:
    """The event names that some feature tells apart, and at the end the one that stands for all others."""
    names = {name for feature in rules.features.values() for name in feature.reads().names}
    return (*sorted(names), OTHER_NAME)


def _property_columns(rules: Rules) -> tuple[str, ...]:
    plan = property_plan(rules)
    return (*("p:" + name for name in plan.plain), *("h:" + name for name in plan.sealed))
