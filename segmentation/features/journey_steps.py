"""The steps of a journey: which events are rows of which step, and which row completes it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from segmentation.columns.arrays import I64, Column
from segmentation.documents.reader import Entry
from segmentation.features.nulls import NO_TIME
from segmentation.features.reading import KeyReader
from segmentation.features.sealed import lanes
from segmentation.features.timeline import Events, Span, Updates, ranks, run_lengths, run_starts

Mode: TypeAlias = Literal["all_of", "any_of"]


@dataclass(frozen=True)
class JourneyStep:
    """A step: ``at_least`` events, or that many different values of the property ``distinct``.

    >>> JourneyStep("invite_sent", at_least=3, distinct="invitee")
    JourneyStep(event='invite_sent', at_least=3, distinct='invitee')
    """

    event: str
    at_least: int = 1
    distinct: str | None = None


def read_complete(keys: KeyReader, entry: Entry) -> tuple[Mode, tuple[JourneyStep, ...]]:
    """What stands under ``complete``: a list of steps, all or any of which complete the journey."""
    entries = keys.reader.mapping(entry.value, "complete", ("all_of", "any_of"))
    if len(entries) != 1:
        if isinstance(entry.value, MappingNode):
            keys.reader.report(entry.key, "complete needs either all_of or any_of")
        return "all_of", ()
    mode, steps = next(iter(entries.items()))
    if not isinstance(steps.value, SequenceNode) or not steps.value.value:
        keys.reader.report(steps.value, f"{mode} must be a list of steps that is not empty")
        return "all_of", ()
    read = tuple(_read_step(keys, step) for step in steps.value.value)
    return ("all_of" if mode == "all_of" else "any_of"), tuple(step for step in read if step is not None)


def _read_step(keys: KeyReader, node: Node) -> JourneyStep | None:
    if not isinstance(node, MappingNode):
        event = keys.event_of(node, "a step")
        return None if event is None else JourneyStep(event)
    step = KeyReader(keys.reader, keys.reader.mapping(node, "a step", ("event", "at_least", "distinct"), ("event",)))
    return JourneyStep(step.event("event") or "", step.integer("at_least", 1, 1), step.text("distinct"))


@dataclass(frozen=True)
class StepRows:
    """Events that are rows of a step; ``high`` and ``low`` are the lanes of the value where different ones count.

    ``index`` is the tick at which a row is first counted; 0: before the span.

    >>> len(StepRows.joined(StepRows.none(), StepRows.none()))
    0
    """

    user: Column
    step: Column
    at: Column
    high: Column
    low: Column
    index: Column

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def none(cls) -> "StepRows":
        """No rows."""
        nothing = np.empty(0, np.int64)
        lane = np.empty(0, np.uint64)
        return cls(nothing, nothing, nothing, lane, lane, nothing)

    @classmethod
    def joined(cls, *parts: "StepRows") -> "StepRows":
        """All rows of all parts."""
        kept = [part for part in parts if len(part)]
        if len(kept) < 2:
            return kept[0] if kept else cls.none()
        return cls(*(np.concatenate([getattr(part, each.name) for part in kept]) for each in fields(cls)))

    def where(self, rows: Column) -> "StepRows":
        """Some rows: positions or a mask."""
        return StepRows(
            self.user[rows], self.step[rows], self.at[rows], self.high[rows], self.low[rows], self.index[rows]
        )

    def of_users(self, places: I64) -> "StepRows":
        """The rows of some users under new numbers, given by old number; -1: leave out."""
        rows = self.where(places[self.user] >= 0)
        return replace(rows, user=places[rows.user])

    def known(self) -> "StepRows":
        """The same rows, known from before a span."""
        return StepRows(self.user, self.step, self.at, self.high, self.low, np.zeros(len(self), np.int64))

    def table(self) -> pl.DataFrame:
        """All columns but the index."""
        return pl.DataFrame({each.name: getattr(self, each.name) for each in fields(self) if each.name != "index"})

    @classmethod
    def from_table(cls, table: pl.DataFrame) -> "StepRows":
        """What `table` gave."""
        columns = {each.name: table[each.name].to_numpy() for each in fields(cls) if each.name != "index"}
        return cls(**columns, index=np.zeros(len(table), np.int64))


@dataclass(frozen=True)
class Done:
    """Completed steps, sorted by (slot, step): the user's ``slot``, when, and the tick index that first sees it.

    >>> done = Done(slot=np.array([0, 0]), at=np.array([5, 15]), index=np.array([1, 2]))
    >>> done.by_tick("steps", Span(settled=0, tick=10, count=2)).columns["steps"].tolist()
    [1, 2]
    """

    slot: I64
    at: I64
    index: I64

    def by_tick(self, column: str, span: Span) -> Updates:
        """How many steps are done, at each tick at which one becomes done; by slot."""
        keys = np.sort(span.keys(self.slot, np.maximum(self.index, 1)))
        place = ranks(run_starts(keys // span.stride), len(keys)) + 1
        last = np.flatnonzero(np.append(keys[1:] != keys[:-1], len(keys) > 0))
        return Updates(keys[last], {column: place[last]})


class Steps:
    """The steps of one journey.

    >>> steps = Steps((JourneyStep("project_created"), JourneyStep("invite_sent", at_least=3)), "all_of")
    >>> zero, at = np.array([0]), np.array([7])
    >>> row = StepRows(zero, zero, at, zero, zero, zero)  # of user 0, of the first step
    >>> steps.done(row, slot=zero, started=np.array([5]), begun=zero).at.tolist()
    [7]
    """

    def __init__(self, steps: tuple[JourneyStep, ...], mode: Mode) -> None:
        self._steps = steps
        self._mode = mode
        self._at_least = np.array([step.at_least for step in steps], np.int64)
        self._distinct = np.array([step.distinct is not None for step in steps], np.bool_)

    def rows(self, events: Events, choose: Callable[[I64], I64]) -> StepRows:
        """The rows of all steps; ``choose`` tells which of some rows of ``events`` can matter."""
        parts = []
        for number, step in enumerate(self._steps):
            if step.distinct is None:
                rows = choose(events.named((step.event,)))
                high = low = np.zeros(len(rows), np.uint64)
            else:
                column = "h:" + step.distinct
                rows = choose(events.carrying((step.event,), column)[0])
                high, low = lanes(events.properties[column].take(rows))
            steps = np.full(len(rows), number, np.int64)
            parts.append(StepRows(events.user[rows], steps, events.at[rows], high, low, events.index[rows]))
        return StepRows.joined(*parts)

    def done(self, rows: StepRows, slot: I64, started: I64, begun: I64) -> Done:
        """The row that completes each step, counted from the user's start; ``slot`` is each row's user in ``started``
        (µs) and ``begun`` (the tick index at which that start is known)."""
        since = started[slot]
        counted = np.flatnonzero((since != NO_TIME) & (rows.at >= since))
        rows, slot = rows.where(counted), slot[counted]
        order = self._in_order(rows, slot)
        starts = run_starts(slot[order], rows.step[order])
        reached = order[ranks(starts, len(order)) == self._at_least[rows.step[order]] - 1]
        # All rows up to this one have been seen when it has: what comes late lies before everything on time.
        index = np.maximum(rows.index[reached], begun[slot[reached]])
        return Done(slot[reached], rows.at[reached], index)

    def among_first(self, rows: StepRows) -> I64:
        """The positions of the rows that are among the first ``at_least`` of their step."""
        order = self._in_order(rows, rows.user)
        place = ranks(run_starts(rows.user[order], rows.step[order]), len(order))
        first: I64 = order[place < self._at_least[rows.step[order]]]
        return first

    def complete(self, done: Done) -> tuple[I64, I64, I64]:
        """(slot, when, tick index) of the journeys that are complete, by slot."""
        if self._mode == "any_of":
            order = np.lexsort((done.index, done.at, done.slot))
            first = order[run_starts(done.slot[order])]
            return done.slot[first], done.at[first], done.index[first]
        starts = run_starts(done.slot)
        if not len(starts):
            return starts, starts, starts
        lengths = run_lengths(starts, len(done.slot))
        at, index = np.maximum.reduceat(done.at, starts), np.maximum.reduceat(done.index, starts)
        complete = lengths == len(self._steps)
        return done.slot[starts[complete]], at[complete], index[complete]

    def _in_order(self, rows: StepRows, slot: I64) -> I64:
        """The rows that count towards ``at_least``, sorted by (slot, step, time): all, or the earliest of each value
        where different values count."""
        order = np.lexsort((rows.index, rows.at, rows.step, slot))
        different = self._distinct[rows.step[order]]
        if not different.any():
            return order
        chosen = order[different]
        chosen = chosen[np.lexsort((rows.low[chosen], rows.high[chosen], rows.step[chosen], slot[chosen]))]
        first = chosen[run_starts(slot[chosen], rows.step[chosen], rows.high[chosen], rows.low[chosen])]
        counts = np.zeros(len(order), np.bool_)
        counts[first] = True
        counts[order[~different]] = True
        return order[counts[order]]
