"""One shard's live stages driven by hand, over state cells that hold bytes as a runner would, to lose workers."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any

import polars as pl
from apache_beam.transforms.userstate import BagStateSpec
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from segmentation.columns.frames import decode_frames
from segmentation.identity.sharder import Sharder
from segmentation.messages import FeaturesOfShard, decode_as
from segmentation.rules.model import Rules
from transforms.assign_segments import AssignSegments
from transforms.keys.sources import DEMO_KEYS, KeySource
from transforms.state.facts import StateFacts
from transforms.state.timing import Timing
from transforms.track_users import FEATURES, TrackUsers


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
class Timers:
    """A family of event-time timers: by tag the instant that was set last."""

    at: dict[str, Timestamp] = field(default_factory=dict)

    def set(self, at: Timestamp, dynamic_timer_tag: str = "") -> None:
        self.at[dynamic_timer_tag] = at

    def due(self, at: Timestamp) -> list[str]:
        """Those that stand at ``at`` or before, the earliest first."""
        return sorted((tag for tag, each in self.at.items() if each <= at), key=lambda tag: self.at[tag])


@dataclass
class Stage:
    """A stateful DoFn with the state of one key. ``fn`` may be replaced at any time by a fresh one: a new worker."""

    create: Callable[[], Any]
    #: By the name of its spec.
    state: dict[str, Cell | Bag] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)
    shard: int = 0

    def __post_init__(self) -> None:
        self.restart()
        for spec in self.fn.CELLS:
            self.state[spec.name] = Bag() if isinstance(spec, BagStateSpec) else Cell()

    def restart(self) -> None:
        self.fn = self.create()
        self.fn.setup()

    @property
    def head(self) -> Cell:
        (head,) = (cell for cell in self.state.values() if isinstance(cell, Cell))
        return head

    def bags(self, kind: str) -> list[Bag]:
        """The bags of a kind: ``snapshot``, ``log`` or ``ids``."""
        return [bag for name, bag in self.state.items() if isinstance(bag, Bag) and name.split("_")[1] == kind]

    def process(self, message: bytes) -> list[Any]:
        return list(self.fn.process((self.shard, message), self.timers, **self.state))

    def fire(self, tag: str | None = None) -> list[Any]:
        """Fire a timer, the earliest if none is named. Outputs that carry no time of their own have the timer's."""
        tag = self.timers.due(MAX_TIMESTAMP)[0] if tag is None else tag
        fired = self.timers.at.pop(tag)
        arguments = {"shard": self.shard, "fired": fired, "tick": self.timers, **self.state}
        wanted = signature(self.fn.settle).parameters
        outputs = self.fn.settle(**{name: value for name, value in arguments.items() if name in wanted})
        return [_timed(output, fired) for output in outputs]

    def cells(self) -> Any:
        return deepcopy((self.state, self.timers))

    def put_back(self, cells: Any) -> None:
        self.state, self.timers = deepcopy(cells)


@dataclass(frozen=True)
class Fired:
    """What a timer's call puts out, and when in event time."""

    tag: str
    value: Any
    at: Timestamp


def _timed(output: Any, fired: Timestamp) -> Fired:
    if isinstance(output.value, TimestampedValue):
        return Fired(output.tag, output.value.value, output.value.timestamp)
    return Fired(output.tag, output.value, fired)


def in_time(tags: list[str]) -> list[str]:
    """The order in which most runners fire timers."""
    return tags


class LiveShard:
    """Both stages of a job with a single shard. ``around`` is called with a stage before each of its calls; ``order``
    puts the timers that are due in one bundle into the order in which they fire; ``facts`` say more than rules and
    timing, where there is more to say."""

    def __init__(
        self,
        rules: Rules,
        timing: Timing,
        around: Callable[[Stage, Callable[[], list[Any]]], list[Any]],
        order: Callable[[list[str]], list[str]] = in_time,
        *,
        early: bool = True,
        facts: StateFacts | None = None,
    ) -> None:
        self._timing = timing
        self._around = around
        self._order = order
        facts = StateFacts(rules, timing, 1, KeySource(demo=True)) if facts is None else facts
        self.track = Stage(TrackUsers(facts, early=early).live_fn)
        self.assign = Stage(AssignSegments(facts, profiles=False).live_fn)
        self._sharder = Sharder(rules, 1, DEMO_KEYS)
        self.changes: list[dict[str, Any]] = []

    def events(self, frame: pl.DataFrame) -> None:
        """A bundle of events arrives."""
        clock = frame["occurred_at"].to_numpy().max().item()
        for batch in self._sharder.split(frame, clock).values():
            self._tracked(self._around(self.track, partial(self.track.process, batch.encode())))

    def watermark(self, at: Timestamp) -> None:
        """Fire every timer up to ``at``, bundle by bundle; the second stage is held back by the first one's timers."""
        while self.track.timers.due(at) or self.assign.timers.due(at):
            tracked = self._bundle(self.track, at)
            # Populations are added up by this time: were it another tick's, other shards would not wait for them.
            assert all(
                output.at == self._timing.track_at(decode_as(FeaturesOfShard, output.value[1]).until)
                for output in tracked
                if output.tag == FEATURES
            )
            self._tracked(tracked)
            held = min([at, *self.track.timers.at.values()])
            self._assigned(self._bundle(self.assign, held))

    def _bundle(self, stage: Stage, at: Timestamp) -> list[Fired]:
        """What comes of all timers up to ``at``: nothing of it is late, as runners hold time back for them."""
        due = stage.timers.due(at)
        hold = stage.timers.at[due[0]] if due else at
        outputs = [output for tag in self._order(due) for output in self._around(stage, partial(stage.fire, tag))]
        assert all(output.at >= hold for output in outputs)
        return outputs

    def _tracked(self, outputs: list[Any]) -> None:
        for output in outputs:
            self._assigned(self._around(self.assign, partial(self.assign.process, output.value[1])))

    def _assigned(self, outputs: list[Any]) -> None:
        for output in outputs:
            self.changes += decode_frames(output.value)[1]["changes"].to_dicts()
