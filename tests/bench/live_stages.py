"""The two stateful stages of a live run driven without an engine: state cells in memory, timers in event-time order,
and a stopwatch that tells the phases apart."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from segmentation.membership.assigner import Assigner
from segmentation.rules.model import Rules
from segmentation.units import MILLISECOND
from transforms.assign_segments import AssignSegments
from transforms.keys.sources import KeySource
from transforms.measure_population import AddMoves
from transforms.state.assigned_shard import AssignedShard
from transforms.state.facts import StateFacts
from transforms.state.timing import Timing
from transforms.state.tracked_shard import TrackedShard
from transforms.track_users import FEATURES, TrackUsers


class Stopwatch:
    """CPU seconds by phase; while a phase runs within another one, the outer one stands still."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._stack: list[str] = []
        self._since = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts its block under ``name``."""
        self._pass()
        self._stack.append(name)
        self.calls[name] += 1
        try:
            yield
        finally:
            self._pass()
            self._stack.pop()

    def clear(self) -> None:
        """Forget what was measured so far."""
        self.seconds.clear()
        self.calls.clear()

    def _pass(self) -> None:
        now = time.process_time()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now


@dataclass
class Cell:
    """A ReadModifyWrite state that counts its bytes."""

    written: Counter[str]
    value: bytes | None = None

    def read(self) -> bytes | None:
        return self.value

    def write(self, value: bytes) -> None:
        self.value = value
        self.written["head"] += len(value)


@dataclass
class Bag:
    """A bag state that counts its bytes."""

    name: str
    written: Counter[str]
    values: list[bytes] = field(default_factory=list)

    def read(self) -> list[bytes]:
        return list(self.values)

    def add(self, value: bytes) -> None:
        self.values.append(value)
        self.written[self.name] += len(value)

    def clear(self) -> None:
        self.values.clear()


@dataclass
class Timers:
    """The event-time timers of one shard: by tag the instant that was set last."""

    at: dict[str, Timestamp] = field(default_factory=dict)

    def set(self, at: Timestamp, dynamic_timer_tag: str) -> None:
        self.at[dynamic_timer_tag] = at

    @property
    def first(self) -> Timestamp:
        """When the earliest stands."""
        return min(self.at.values(), default=MAX_TIMESTAMP)

    def take_first(self) -> Timestamp:
        """When the earliest stood, which it does no longer."""
        tag = min(self.at, key=self.at.__getitem__)
        return self.at.pop(tag)


class Stage:
    """A stateful DoFn over all shards on one worker."""

    def __init__(self, fn: Any, shards: int) -> None:
        self.fn = fn
        self.fn.setup()
        self.written: Counter[str] = Counter()
        self._cells = [
            (Cell(self.written), Bag("snapshot", self.written), Bag("log", self.written)) for _ in range(shards)
        ]
        self.timers = [Timers() for _ in range(shards)]

    def process(self, shard: int, message: bytes) -> list[Any]:
        return list(self.fn.process((shard, message), *self._cells[shard], self.timers[shard]))

    def fire(self, shard: int) -> list[Any]:
        timers = self.timers[shard]
        arguments = (shard, timers.take_first(), *self._cells[shard], timers)
        return list(self.fn.settle(*arguments[: len(signature(self.fn.settle).parameters)]))

    def next_timer(self) -> tuple[Timestamp, int]:
        """When the earliest timer stands, and of which shard."""
        return min((timers.first, shard) for shard, timers in enumerate(self.timers))


class LiveStages:
    """TrackUsers, MeasurePopulation and AssignSegments of a live run with all shards on one worker."""

    def __init__(self, rules: Rules, timing: Timing, shards: int, *, early: bool, watch: Stopwatch) -> None:
        self._timing = timing
        self._shards = shards
        self._watch = watch
        facts = StateFacts(rules, timing, shards, KeySource(demo=True))
        self.track = Stage(TrackUsers(facts, early=early).live_fn(), shards)
        self.assign = Stage(AssignSegments(facts, profiles=False).live_fn(), shards)
        self._windows: defaultdict[Timestamp, dict[str, Any]] = defaultdict(dict)
        self._add = AddMoves()
        #: Elements that entered a stateful stage, by kind; each costs an engine a state round trip.
        self.elements: Counter[str] = Counter()
        #: Bytes of changes that came out, and how many outputs held some.
        self.changes: Counter[str] = Counter()

    def events(self, batches: Iterable[tuple[int, bytes]]) -> None:
        """A bundle of event batches arrives."""
        for shard, batch in batches:
            self.elements["events"] += 1
            with self._watch.phase("track"):
                outputs = self.track.process(shard, batch)
            self._tracked(outputs)

    def watermark(self, at: Timestamp) -> None:
        """Fire all timers and close all windows up to ``at``, in the order of event time."""
        while True:
            tracked, shard = self.track.next_timer()
            assigned, other = self.assign.next_timer()
            window = min(self._windows, default=MAX_TIMESTAMP)
            if min(tracked, assigned, window) > min(at, MAX_TIMESTAMP - MILLISECOND):
                return
            if tracked <= min(assigned, window):
                self.elements["track timer"] += 1
                with self._watch.phase("tick"):
                    outputs = self.track.fire(shard)
                self._tracked(outputs)
            elif window <= assigned:
                self._close(window)
            else:
                self.elements["assign timer"] += 1
                with self._watch.phase("settle"):
                    self._assigned(self.assign.fire(other))

    def _tracked(self, outputs: list[Any]) -> None:
        for output in outputs:
            at = None
            if isinstance(output.value, TimestampedValue):  # of a tick, and with its time
                key, message, at = *output.value.value, output.value.timestamp
            else:
                key, message = output.value
            if output.tag == FEATURES:
                self._send(key, message, "early" if at is None else "features")
                continue
            if at is None:
                raise ValueError("a population moved without a tick")
            window = Timestamp(micros=at.micros + MILLISECOND)
            with self._watch.phase("population"):
                held = self._windows[window].get(key) or self._add.create_accumulator()
                self._windows[window][key] = self._add.add_input(held, message)

    def _close(self, window: Timestamp) -> None:
        for held in self._windows.pop(window).values():
            with self._watch.phase("population"):
                total = self._add.extract_output(held)
            for shard in range(self._shards):
                self._send(shard, total, "moves")

    def _send(self, shard: int, message: bytes, kind: str) -> None:
        self.elements[kind] += 1
        with self._watch.phase(f"assign {kind}"):
            self._assigned(self.assign.process(shard, message))

    def _assigned(self, outputs: list[Any]) -> None:
        for output in outputs:
            self.changes["outputs"] += 1
            self.changes["bytes"] += len(output.value)


@contextmanager
def timed(watch: Stopwatch) -> Iterator[None]:
    """The parts of a call under names of their own."""
    named = [
        (TrackedShard, "take", "take"),
        (TrackedShard, "preview", "preview"),
        (AssignedShard, "settle", "settle"),
        (Assigner, "preview", "assign preview"),
    ]
    held = [(owner, name, getattr(owner, name)) for owner, name, _ in named]
    for owner, name, phase in named:
        setattr(owner, name, _timed(getattr(owner, name), phase, watch))
    try:
        yield
    finally:
        for owner, name, method in held:
            setattr(owner, name, method)


def _timed(method: Callable[..., Any], phase: str, watch: Stopwatch) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        with watch.phase(phase):
            return method(*args, **options)

    return call
