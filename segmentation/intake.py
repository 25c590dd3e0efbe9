"""The events of one shard before they count: pending ones by the tick that first sees them, and remembered ids."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl

from segmentation.acceptance import ID_MEMORY, ID_SCHEMA, duplicates
from segmentation.batches import EventsOfShard
from segmentation.config import Journey, RollingScore, Rules
from segmentation.features.timeline import I64, Events, Span, renumbered
from segmentation.reading import property_plan

#: Stands for every event name that no feature tells apart.
OTHER_NAME = ""

_PENDING = {**ID_SCHEMA, "counted_at": pl.Int64, "name": pl.Int32}


@dataclass
class Counts:
    """What became of the events so far, in events; and the users known."""

    accepted: int = 0
    duplicate: int = 0
    too_late: int = 0
    late: int = 0
    users: int = 0

    def copy(self) -> "Counts":
        """As they are now."""
        return replace(self)


class Intake:
    """Takes events in and gives them out, each once, when their tick settles.

    Args:
        rules: the rules to follow.
        max_disorder: how far (µs of event time) events may arrive out of order and still be on time.
    """

    def __init__(self, rules: Rules, max_disorder: int) -> None:
        self.counts = Counts()
        #: How far (µs) before the last settled tick an event may still be accepted: its id is remembered that long.
        self.memory = ID_MEMORY + max_disorder
        self.names = _names(rules)
        self._tick = rules.tick
        self._properties = _property_columns(rules)
        self._pending: list[pl.DataFrame] = []
        self._remembered = pl.DataFrame(schema=ID_SCHEMA)
        #: The latest time (µs) of an accepted event.
        self.latest: int | None = None

    def add(self, batch: EventsOfShard, rows: I64, settled: int | None) -> None:
        """Take in a batch whose users have the numbers ``rows``, when ``settled`` (µs) was the last settled tick."""
        events = batch.events
        if settled is not None:
            punctual = events["at"] >= settled - self.memory
            self.counts.too_late += len(events) - int(punctual.sum())
            events = events.filter(punctual)
        if not len(events):
            return
        counted_at = (events["at"] // self._tick + 1) * self._tick
        if settled is not None:
            counted_at = counted_at.clip(lower_bound=settled + self._tick)
        codes = self._codes(batch.names)
        self._pending.append(
            events.with_columns(
                user=pl.Series(rows[events["user"].to_numpy()]),
                name=pl.Series(codes[events["name"].to_numpy()]),
                counted_at=counted_at,
            )
        )

    @property
    def pending(self) -> pl.DataFrame:
        """What has not counted yet: ``user``, ``at``, ``counted_at`` (the tick that first sees it, µs) and more."""
        return pl.concat([pl.DataFrame(schema=_PENDING), *self._pending], how="diagonal_relaxed")

    def first_tick(self) -> int | None:
        """The earliest tick (µs) that a pending event waits for."""
        times = [table["counted_at"].to_numpy().min().item() for table in self._pending]
        return min(times, default=None)

    def accept(self, until: int | None) -> pl.DataFrame:
        """The accepted events that count up to ``until`` (µs, None: all); later ones stay pending."""
        events, self._pending = self.pending, []
        if until is not None and (events["counted_at"] > until).any():
            self._pending = [events.filter(pl.col("counted_at") > until)]
            events = events.filter(pl.col("counted_at") <= until)
        content = sorted(name for name in events.columns if name == "name" or name[:2] in ("p:", "h:"))
        repeated = duplicates(events, self._remembered, content)
        if repeated.any():
            events = events.filter(pl.Series(~repeated))
        self.counts.duplicate += int(repeated.sum())
        self.counts.accepted += len(events)
        if len(events):
            latest = events["at"].to_numpy().max().item()
            self.latest = latest if self.latest is None else max(self.latest, latest)
        recent = pl.col("at") >= (0 if until is None else until - self.memory)
        parts = (self._remembered, events.select(list(ID_SCHEMA)))
        self._remembered = pl.concat([part.filter(recent) for part in parts])
        return events.drop("id_high", "id_low")

    def in_columns(self, events: pl.DataFrame, span: Span) -> Events:
        """Accepted events as features take them."""
        events = events.sort("user", "at")
        at, counted_at = events["at"].to_numpy(), events["counted_at"].to_numpy()
        late = counted_at > (at // span.tick + 1) * span.tick
        self.counts.late += int(late.sum())
        absent = pl.Series([None], dtype=pl.String).new_from_index(0, len(events))
        columns = {name: events[name] if name in events.columns else absent for name in ("tie", *self._properties)}
        return Events(
            user=events["user"].to_numpy(),
            at=at,
            index=span.index(counted_at),
            name=events["name"].to_numpy(),
            tie=columns.pop("tie").fill_null(""),
            properties=columns,
            names=self.names,
            late=late,
        )

    def select(self, rules: Rules, rows: I64) -> "Intake":
        """A copy with the events of some users only, numbered as in ``rows``."""
        copy = Intake(rules, self.memory - ID_MEMORY)
        copy._remembered = _of_users(self._remembered, rows)
        parts = [_of_users(table, rows) for table in self._pending]
        copy._pending = [table for table in parts if len(table)]
        return copy

    def tables(self) -> dict[str, pl.DataFrame]:
        """``remembered``, ``pending``, and ``names`` (what the codes of pending events stand for)."""
        names = pl.DataFrame({"name": pl.Series(self.names, dtype=pl.String)})
        counts = pl.DataFrame([asdict(self.counts)])
        return {"remembered": self._remembered, "pending": self.pending, "names": names, "counts": counts}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave; the rules may tell other names apart by now."""
        self._remembered, pending = tables["remembered"], tables["pending"]
        codes = self._codes(tuple(tables["names"]["name"]))
        pending = pending.with_columns(name=pl.Series(codes[pending["name"].to_numpy()]))
        self._pending = [pending] if len(pending) else []
        self.counts = Counts(**tables["counts"].row(0, named=True))

    def _codes(self, names: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """This intake's code of each name; the entry behind the last is for -1, a reserved event."""
        known = {name: code for code, name in enumerate(self.names)}
        return np.array([*(known.get(name, known[OTHER_NAME]) for name in names), -1], np.int32)


def _of_users(table: pl.DataFrame, rows: I64) -> pl.DataFrame:
    found, numbers = renumbered(table["user"].to_numpy(), rows)
    return table.filter(pl.Series(found)).with_columns(user=pl.Series(numbers, dtype=pl.Int64))


def _names(rules: Rules) -> tuple[str, ...]:
    """The event names that some feature tells apart, and at the end the one that stands for all others."""
    names: set[str] = set()
    for feature in rules.features.values():
        if isinstance(feature, RollingScore):
            names.update(feature.weights)
        elif isinstance(feature, Journey):
            names.update((feature.start, *(step.event for step in feature.steps)))
        else:
            names.update(feature.events)
    return (*sorted(names), OTHER_NAME)


def _property_columns(rules: Rules) -> tuple[str, ...]:
    plan = property_plan(rules)
    return (*("p:" + name for name in plan.plain), *("h:" + name for name in plan.sealed))
