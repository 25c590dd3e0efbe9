"""One shard's live stages driven by hand, over state cells that hold bytes as a runner would, to lose workers."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl
from apache_beam.utils.timestamp import Timestamp

from segmentation.config import Rules
from segmentation.frames import decode_frames
from transforms.assign_segments import AssignSegments
from transforms.keys import DEMO_KEYS, KeySource
from transforms.sharding import Sharder
from transforms.timing import Timing
from transforms.track_users import TrackUsers


@dataclass
class Cell:
    """A ReadModifyWrite state."""

    value: bytes | None = None

    def read(self) -> bytes | None:
        return self.value

    def write(self, value: bytes) -> None:
        self.value = value


@dataclass
class Bag:
    """A bag state: what it gives back comes in any order."""

    values: list[bytes] = field(default_factory=list)

    def read(self) -> list[bytes]:
        return self.values[::-1]

    def add(self, value: bytes) -> None:
        self.values.append(value)

    def clear(self) -> None:
        self.values.clear()


@dataclass
class Timer:
    """An event-time timer: the last instant that was set."""

    at: Timestamp | None = None

    def set(self, at: Timestamp) -> None:
        self.at = at


@dataclass
class Stage:
    """A stateful DoFn with the state of one key. ``fn`` may be replaced at any time by a fresh one: a new worker."""

    create: Callable[[], Any]
    head: Cell = field(default_factory=Cell)
    snapshot: Bag = field(default_factory=Bag)
    log: Bag = field(default_factory=Bag)
    timer: Timer = field(default_factory=Timer)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.fn = self.create()
        self.fn.setup()

    def process(self, message: bytes) -> list[Any]:
        return list(self.fn.process((0, message), self.head, self.snapshot, self.log, self.timer))

    def fire(self) -> list[Any]:
        fired, self.timer.at = self.timer.at, None
        return list(self.fn.settle(0, fired, self.head, self.snapshot, self.log, self.timer))

    def cells(self) -> Any:
        return deepcopy((self.head, self.snapshot, self.log, self.timer))

    def put_back(self, cells: Any) -> None:
        self.head, self.snapshot, self.log, self.timer = deepcopy(cells)


class LiveShard:
    """Both stages of a job with a single shard. ``around`` is called with a stage before each of its calls."""

    def __init__(
        self, rules: Rules, timing: Timing, around: Callable[[Stage, Callable[[], list[Any]]], list[Any]]
    ) -> None:
        self._around = around
        track = TrackUsers(rules, timing, 1, early=True)
        assign = AssignSegments(rules, timing, 1, profiles=False, keys=KeySource(demo=True))
        self.track = Stage(track.live_fn)
        self.assign = Stage(assign.live_fn)
        self._sharder = Sharder(rules, 1, DEMO_KEYS)
        self.changes: list[dict[str, Any]] = []

    def events(self, frame: pl.DataFrame) -> None:
        """A bundle of events arrives."""
        clock = frame["occurred_at"].to_numpy().max().item()
        for batch in self._sharder.split(frame, clock).values():
            self._tracked(self._around(self.track, partial(self.track.process, batch.encode())))

    def watermark(self, at: Timestamp) -> None:
        """Fire every timer up to ``at``, in order."""
        while True:
            due = [stage for stage in (self.track, self.assign) if stage.timer.at is not None and stage.timer.at <= at]
            if not due:
                return
            stage = min(due, key=lambda each: each.timer.at)
            outputs = self._around(stage, stage.fire)
            (self._tracked if stage is self.track else self._assigned)(outputs)

    def _tracked(self, outputs: list[Any]) -> None:
        for output in outputs:
            self._assigned(self._around(self.assign, partial(self.assign.process, output.value[1])))

    def _assigned(self, outputs: list[Any]) -> None:
        for output in outputs:
            self.changes += decode_frames(output.value)[1]["changes"].to_dicts()
