"""Journeys: when a user started, which steps are done, and when the last of them was.

Everything goes by event time, whatever the order of arrival: the start is the earliest start event, a step counts
from the start on (the start event itself may be one), ``at_least`` of it are reached with the k-th counted row. The
status and the deadline follow from these times (`Journey.values_of`), so that a deadline needs no
event to pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.expressions.nodes import Type
from segmentation.expressions.scope import ColumnType
from segmentation.expressions.values import Values
from segmentation.features.journey_steps import Done, JourneyStep, Mode, StepRows, Steps, read_complete
from segmentation.features.kind import Advance, Deadline, EventParts, Feature, FeatureState, StoredState
from segmentation.features.nulls import NO_TIME, times
from segmentation.features.reading import KeyReader
from segmentation.features.timeline import (
    Events,
    Span,
    Updates,
    combined,
    merged_keys,
    places_of,
    run_starts,
    write_latest,
)

JOURNEY_STATUSES = ("not_started", "in_progress", "completed_in_time", "overdue", "completed_late")

_FIELDS: Mapping[str, ColumnType] = {
    "status": ColumnType(Type.STRING, JOURNEY_STATUSES),
    "started_at": ColumnType(Type.TIMESTAMP),
    "completed_at": ColumnType(Type.TIMESTAMP),
    "time_to_complete": ColumnType(Type.INTERVAL),
    "steps_done": ColumnType(Type.INTEGER),
}


@dataclass(frozen=True)
class Journey(Feature):
    """From the first ``start`` event to all (or any) of the steps, within ``deadline`` microseconds if there is one.

    >>> trip = Journey("trip", "signup", (JourneyStep("invite", 3, "invitee"),), deadline=24)
    >>> trip.reads()
    EventParts(names=('signup', 'invite'), plain=(), sealed=('invitee',), tied=())
    >>> one = np.array([1])
    >>> stored = {"trip.started_at": 5 * one, "trip.completed_at": NO_TIME * one, "trip.steps_done": 0 * one}
    >>> [trip.values_of(stored, tick * one, ())["trip.status"].to_list(1) for tick in (6, 60)]
    [['in_progress'], ['overdue']]
    """

    kind = "journey"
    keys = ("start", "complete", "deadline")
    needed = ("start", "complete")

    start: str
    steps: tuple[JourneyStep, ...]
    mode: Mode = "all_of"
    deadline: int | None = None

    @classmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        """The feature that the rules file describes."""
        mode, steps = read_complete(keys, keys.entries["complete"]) if "complete" in keys.entries else ("all_of", ())
        return cls(name, keys.event("start") or "", steps, mode, keys.duration("deadline"))

    def reads(self) -> EventParts:
        """The names of the start and of the steps; properties whose different values count may be persons."""
        distinct = tuple(step.distinct for step in self.steps if step.distinct is not None)
        return EventParts((self.start, *(step.event for step in self.steps)), sealed=distinct)

    def columns(self) -> Mapping[str, ColumnType]:
        """The fields."""
        return {f"{self.name}.{field}": type_ for field, type_ in _FIELDS.items()}

    def stored(self) -> Mapping[str, int]:
        """The times and the number of steps; the other fields follow from them."""
        name = self.name
        return {f"{name}.started_at": NO_TIME, f"{name}.completed_at": NO_TIME, f"{name}.steps_done": 0}

    def values_of(self, stored: Mapping[str, Column], ticks: I64, texts: Sequence[str]) -> dict[str, Values]:  # noqa: ARG002
        """All fields as of each tick."""
        started, completed, steps_done = (stored[name] for name in self.stored())
        begun, done = started != NO_TIME, completed != NO_TIME
        deadline = np.iinfo(np.int64).max if self.deadline is None else self.deadline
        # Times without a start or an end never enter a difference.
        since = np.where(begun, started, 0)
        taken = np.where(done, completed, 0) - since
        waited = np.where(begun, ticks - since, 0)
        # By `JOURNEY_STATUSES`: done in time or later, or begun, and then waiting in time or for too long.
        code = np.where(done, np.where(taken <= deadline, 2, 4), np.where(waited > deadline, 3, 1))
        code[~begun] = 0
        status, interval = Values.strings(JOURNEY_STATUSES, code), Values.unless(~done, taken)
        fields = (status, times(started), times(completed), interval, Values(steps_done))
        return dict(zip(self.columns(), fields, strict=True))

    def deadlines(self) -> tuple[Deadline, ...]:
        """When a journey that goes on becomes overdue."""
        if self.deadline is None:
            return ()
        started, completed, _ = self.stored()
        return (Deadline(f"{self.name}.status", started, self.deadline, completed),)

    def state(self, tick: int, lateness: int) -> FeatureState:  # noqa: ARG002  # everything goes by event time
        """The empty state."""
        return JourneyState(self, lateness)


class JourneyState(StoredState):
    """Start and completion per user, and the rows of steps that can still matter.

    A row (user, step, time, value) is kept while a late start may yet make it count, or while it is among the first
    that reach the step; all rows of a journey that nothing late can change any more are dropped.

    >>> journey = Journey("onboarding", "signup", (JourneyStep("project_created"),))
    >>> state = JourneyState(journey, lateness=0)
    >>> state.grow(1)
    >>> sorted(state.current()) == sorted(journey.stored())
    True
    """

    def __init__(self, feature: Journey, lateness: int) -> None:
        super().__init__(feature.stored())
        self.feature = feature
        self._lateness = lateness
        self._steps = Steps(feature.steps, feature.mode)
        self._rows = StepRows.none()
        self._started, self._completed, self._done = feature.stored()

    def advance(self, events: Events, span: Span, _only: Bool | None = None, /) -> Advance:
        """Starts and steps count. Columns: ``.started_at``, ``.completed_at`` (`NO_TIME`: none) and ``.steps_done``."""
        starts = self._open(events.user, events.named((self.feature.start,)), span)
        starts = starts[run_starts(events.user[starts])]
        new = self._steps.rows(events, lambda rows: self._open(events.user, rows, span))
        if not len(starts) and not len(new):
            nothing = Updates(np.empty(0, np.int64), {name: values[:0] for name, values in self._values.items()})
            return Advance(nothing, lambda: None)
        users = merged_keys([events.user[starts], new.user])
        mine = np.zeros(len(self._values[self._started]), np.bool_)
        mine[users] = True
        held = mine[self._rows.user]
        rows = StepRows.joined(self._rows.where(held).known(), new)
        known = self._values[self._started][users]
        started, begun = known.copy(), np.zeros(len(users), np.int64)
        slot = np.searchsorted(users, events.user[starts])
        # A start that is already known holds from before the span; only an earlier one replaces it.
        earlier = (known[slot] == NO_TIME) | (events.at[starts] < known[slot])
        started[slot[earlier]], begun[slot[earlier]] = events.at[starts[earlier]], events.index[starts[earlier]]
        done = self._steps.done(rows, np.searchsorted(users, rows.user), started, begun)
        changes = self._changes(users, started, begun, done, span)

        def settle() -> None:
            write_latest(changes, self._values, span)
            kept = rows.where(self._matters(rows, span))
            self._rows = StepRows.joined(self._rows.where(~held), kept)

        return Advance(changes, settle)

    def keep(self, rows: I64) -> None:
        """Keep these users only."""
        self._rows = self._rows.of_users(places_of(rows, self.users))
        super().keep(rows)

    def join(self, other: Self) -> None:
        """Take in the users of another state."""
        moved = other._rows.of_users(np.arange(other.users) + self.users)
        self._rows = StepRows.joined(self._rows, moved)
        super().join(other)

    def tables(self) -> dict[str, pl.DataFrame]:
        """``rows`` (user, step, at, and the lanes of a value) and ``values`` (a row per user)."""
        return {"rows": self._rows.table(), "values": pl.DataFrame(self._values)}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._rows = StepRows.from_table(tables["rows"])
        self._values = {name: tables["values"][name].to_numpy().copy() for name in self._values}

    def _open(self, user: I64, rows: I64, span: Span) -> I64:
        """Those of the rows whose user's journey may still change."""
        return rows[~self._is_final(user[rows], span.settled)]

    def _is_final(self, users: I64, settled: int) -> Bool:
        """Whether nothing that may still be accepted can change the user's journey."""
        if self.feature.mode != "all_of":
            return np.zeros(len(users), np.bool_)
        completed = self._values[self._completed][users]
        final: Bool = (completed != NO_TIME) & (completed < settled - self._lateness)
        return final

    def _matters(self, rows: StepRows, span: Span) -> Bool:
        """Which rows a later advance may need, given what holds at the end of the span."""
        started = self._values[self._started][rows.user]
        final = self._is_final(rows.user, span.end)
        counts = (started != NO_TIME) & (rows.at >= started)
        kept: Bool = ~final & ~counts & (rows.at >= span.end - self._lateness)
        candidates = np.flatnonzero(~final & counts)
        kept[candidates[self._steps.among_first(rows.where(candidates))]] = True
        return kept

    def _changes(self, users: I64, started: I64, begun: I64, done: Done, span: Span) -> Updates:
        """The columns at each tick at which something of the journey becomes known; ``begun`` (the tick indices of the
        starts) and ``done`` go by position in ``users``."""
        slots, at, index = self._steps.complete(done)
        has = np.flatnonzero(started != NO_TIME)
        parts = [
            _known_from(has, started[has], begun[has], self._started, span),
            _known_from(slots, at, index, self._completed, span),
            done.by_tick(self._done, span),
        ]
        before = {name: values[users] for name, values in self._values.items()}
        # A late, earlier start may undo steps as well: what is known is written anew from that tick on.
        revised = (before[self._started] != NO_TIME) & (started < before[self._started])
        before[self._completed][revised] = NO_TIME
        before[self._done][revised] = 0
        local = combined(parts, before, span)
        return Updates(span.keys(users[local.keys // span.stride], local.keys % span.stride), local.columns)


def _known_from(slot: I64, values: I64, index: I64, column: str, span: Span) -> Updates:
    """A value per user that is known from a tick index on; index 0 (known before the span) is written at the first
    tick."""
    return Updates(span.keys(slot, np.maximum(index, 1)), {column: values})
