"""Feature states driven through drawn runs and held against a recomputation from all events at every tick.

A run is a few advances; before each, events arrive, some of them late. Between advances the state may be written and
read back, or asked what an advance would bring for some of its users; it may lose users, or be split and joined again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from segmentation.columns.arrays import I64, Column
from segmentation.columns.frames import decode_frames, encode_frames
from segmentation.columns.texts import Texts
from segmentation.features.kind import Feature, FeatureState
from segmentation.features.timeline import Events, Span, Updates, last_before

MINUTE = 60_000_000
TICK = 5 * MINUTE
#: A midnight, in µs.
START = 20_454 * 24 * 60 * MINUTE
NAMES = ("a", "b", "c", "")
_USERS = 3
#: Every test has several variants; together they see some hundred runs of each kind of feature.
some = settings(max_examples=35)
#: How far (µs) before the last settled tick an event is still accepted.
latenesses = st.sampled_from([0, 15 * MINUTE, 600 * MINUTE])


@dataclass(frozen=True)
class Event:
    """``name`` is a position in `NAMES`, -1: reserved. ``counted_at`` is the first tick that sees it, µs."""

    user: int
    at: int
    name: int
    value: str | None
    tie: str
    counted_at: int = 0

    @property
    def text(self) -> str | None:
        """The name; None for a reserved event."""
        return None if self.name < 0 else NAMES[self.name]


@dataclass(frozen=True)
class Leg:
    """What happens before an advance of ``ticks`` ticks: events arrive (times relative to START), then ``change``."""

    ticks: int
    events: tuple[Event, ...]
    change: str
    kept: tuple[int, ...]


#: (events known at the tick, tick µs) -> the columns' values of one user.
Naive = Callable[[Sequence[Event], int], dict[str, Any]]


def legs(
    unit: int, values: Sequence[str | None] = (None,), lengths: Sequence[int] = (1, 1, 2, 7)
) -> st.SearchStrategy[list[Leg]]:
    """Runs whose events crowd around multiples of ``unit`` µs."""
    times = st.builds(
        lambda edge, shift: edge * unit + shift, st.integers(0, 8), st.sampled_from([0, 0, -1, 1, unit // 3])
    )
    event = st.builds(
        Event,
        user=st.integers(0, _USERS - 1),
        at=times,
        name=st.sampled_from([0, 0, 1, 1, 2, 3, -1]),
        value=st.sampled_from(values),
        tie=st.sampled_from("pqrstuvw"),
    )
    leg = st.builds(
        Leg,
        ticks=st.sampled_from(lengths),
        events=st.lists(event, max_size=10).map(tuple),
        change=st.sampled_from(["none", "none", "restore", "preview", "keep", "join"]),
        kept=st.permutations(range(_USERS)).flatmap(
            lambda order: st.integers(1, _USERS).map(lambda n: tuple(order[:n]))
        ),
    )
    return st.lists(leg, min_size=1, max_size=6)


@dataclass
class Run:
    """A feature's state and all events that count."""

    feature: Feature
    lateness: int
    settled: int = START
    known: list[Event] = field(default_factory=list)
    pending: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.feature.state(TICK, self.lateness)
        self.state.grow(_USERS)

    def follow(self, run: Sequence[Leg], naive: Naive) -> None:
        """Goes through all legs and checks every user at every tick."""
        for leg in run:
            self._arrive(leg.events)
            if leg.change == "restore":
                self.state = self._restored()
            if leg.change == "keep":
                self._keep(leg.kept)
            if leg.change == "join":
                self._join(leg.kept)
            kept = leg.kept if leg.change == "preview" else None
            self._advance(Span(self.settled, TICK, leg.ticks), naive, kept)

    def _arrive(self, events: Sequence[Event]) -> None:
        for event in events:
            at = START + event.at
            # Of the events at one time that carry a value, no two have the same id.
            taken = {(each.user, each.at, each.tie) for each in [*self.known, *self.pending]}
            if at >= self.settled - self.lateness and (event.user, at, event.tie) not in taken:
                counted_at = max((at // TICK + 1) * TICK, self.settled + TICK)
                self.pending.append(Event(event.user, at, event.name, event.value, event.tie, counted_at))

    def _restored(self) -> FeatureState:
        state = self.feature.state(TICK, self.lateness)
        state.restore(decode_frames(encode_frames({}, self.state.tables()))[1])
        return state

    def _keep(self, users: Sequence[int]) -> None:
        """Others leave; who has their number from then on is a new user."""
        self.state.keep(np.array(users))
        self.state.grow(_USERS)
        self.known, self.pending = _renumbered(self.known, users), _renumbered(self.pending, users)

    def _join(self, users: Sequence[int]) -> None:
        others = [user for user in range(_USERS) if user not in users]
        self.state, rest = self._restored(), self._restored()
        self.state.keep(np.array(users))
        rest.keep(np.array(others, np.int64))
        self.state.join(rest)
        order = [*users, *others]
        self.known, self.pending = _renumbered(self.known, order), _renumbered(self.pending, order)

    def _preview(self, due: list[Event], span: Span, users: Sequence[int]) -> Updates:
        """What an advance would bring for some users; the state must stay as it is."""
        before = {name: values.copy() for name, values in self.state.current().items()}
        only = np.isin(np.arange(_USERS), users)
        some = [event for event in due if event.user in users]
        changes = self.state.advance(self._in_columns(some, span), span, only).changes
        assert np.isin(changes.keys // span.stride, users).all()
        for name, values in self.state.current().items():
            np.testing.assert_array_equal(values, before[name])
        return changes

    def _advance(self, span: Span, naive: Naive, previewed: Sequence[int] | None) -> None:
        due = [event for event in self.pending if event.counted_at <= span.end]
        self.pending = [event for event in self.pending if event.counted_at > span.end]
        self.known += due
        before = {name: values.copy() for name, values in self.state.current().items()}
        self.state.grow(_USERS)
        preview = None if previewed is None else self._preview(due, span, previewed)
        advance = self.state.advance(self._in_columns(due, span), span)
        changes = advance.changes
        index = changes.keys % span.stride
        assert (np.diff(changes.keys) > 0).all()
        assert ((index >= 1) & (index <= span.count)).all()
        for user in range(_USERS):
            for number in range(1, span.count + 1):
                key = np.array([user * span.stride + number])
                tick = span.settled + number * TICK
                seen = [event for event in self.known if event.user == user and event.counted_at <= tick]
                values = {n: values_at(changes, n, before[n], key, span.stride)[0] for n in changes.columns}
                expected = naive(sorted(seen, key=lambda event: (event.at, event.tie)), tick)
                assert self._told(values) == expected, (user, (tick - START) / TICK)
                if preview is not None and previewed is not None and user in previewed:
                    values = {n: values_at(preview, n, before[n], key, span.stride)[0] for n in preview.columns}
                    assert self._told(values) == expected, (user, (tick - START) / TICK)
        advance.settle()
        after = self.state.current()
        for name in changes.columns:
            ends = np.arange(_USERS) * span.stride + span.count
            np.testing.assert_array_equal(after[name], values_at(changes, name, before[name], ends, span.stride))
        self.settled = span.end

    def _told(self, values: dict[str, Any]) -> dict[str, Any]:
        vocabulary = getattr(self.state, "vocabulary", None)
        if vocabulary is not None:
            return {n: None if code < 0 else vocabulary.texts[code] for n, code in values.items()}
        return {n: None if value != value else value.item() for n, value in values.items()}

    def _in_columns(self, due: list[Event], span: Span) -> Events:
        due = sorted(due, key=lambda event: (event.user, event.at))
        at = np.array([event.at for event in due], np.int64)
        counted_at = np.array([event.counted_at for event in due], np.int64)
        values = [event.value for event in due]
        return Events(
            user=np.array([event.user for event in due], np.int64),
            at=at,
            index=span.index(counted_at),
            name=np.array([event.name for event in due], np.int32),
            tie=Texts.of([event.tie for event in due]),
            properties={"p:v": Texts.of(values), "h:v": Texts.of([_seal(value) for value in values])},
            names=NAMES,
            late=counted_at > (at // TICK + 1) * TICK,
        )


def _renumbered(events: Sequence[Event], users: Sequence[int]) -> list[Event]:
    return [replace(event, user=users.index(event.user)) for event in events if event.user in users]


def _seal(value: str | None) -> str | None:
    """Something that looks like a seal, another for every value."""
    return None if value is None else value.encode().hex().rjust(32, "0")


def values_at(changes: Updates, column: str, current: Column, keys: I64, stride: int) -> Column:
    """The column's value as of each key; where nothing changed yet, the user's ``current`` value."""
    position = last_before(changes.keys, keys, stride)
    result = current[keys // stride]
    known = position >= 0
    result[known] = changes.columns[column][position[known]]
    return result
