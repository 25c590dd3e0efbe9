"""AssignSegments: features and populations become segment changes and profiles, tick by tick of event time."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import apache_beam as beam
import polars as pl
from apache_beam.coders import BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer

from segmentation.columns.frames import encode_frames
from segmentation.messages import SettledUpTo
from segmentation.rules.model import Rules
from segmentation.units import MILLISECOND
from transforms.decode_events import NAMESPACE
from transforms.keys.sources import KeySource
from transforms.state.assigned_shard import AssignedShard
from transforms.state.shard_state import ShardState
from transforms.state.timing import Timing

CHANGES: Final = "changes"
PROFILES: Final = "profiles"
Changes = TaggedOutput[Literal["changes"], bytes]
Profiles = TaggedOutput[Literal["profiles"], bytes]


class AssignSegments(beam.PTransform[Any, Any]):
    """PCollection of (shard, features or moves) -> ``changes`` (frames of changes as bytes) and ``profiles``
    (likewise).

    Args:
        rules: the rules to follow.
        timing: when ticks settle.
        shards: how many there are; recorded in the state.
        profiles: whether anyone reads the profiles.
        keys: where the keys come from.
    """

    def __init__(self, rules: Rules, timing: Timing, shards: int, *, profiles: bool, keys: KeySource) -> None:
        super().__init__()
        self._rules = rules
        self._timing = timing
        self._shards = shards
        self._profiles = profiles
        self._keys = keys

    def expand(self, messages: beam.PCollection[Any]) -> Any:
        """Apply the transform."""
        assign = _AssignBounded(*self._arguments()) if self._timing.bounded else self.live_fn()
        return messages | "Assign" >> beam.ParDo(assign).with_outputs(CHANGES, PROFILES)

    def live_fn(self) -> beam.DoFn:
        """The stateful step of a live run."""
        return _AssignLive(*self._arguments())

    def _arguments(self) -> tuple[Rules, Timing, int, bool, KeySource]:
        return self._rules, self._timing, self._shards, self._profiles, self._keys


class _Assign(beam.DoFn):
    """What both ways of settling share."""

    def __init__(self, rules: Rules, timing: Timing, shards: int, profiles: bool, keys: KeySource) -> None:
        self._rules = rules
        self._timing = timing
        self._shards = shards
        self._profiles = profiles
        self._keys = keys

    def _table(self) -> AssignedShard:
        return AssignedShard(self._rules, self._timing, self._keys.load().publish)

    def _emitted(self, table: AssignedShard, changes: pl.DataFrame) -> Iterator[Changes | Profiles]:
        if len(changes):
            _count(changes)
            yield Changes(CHANGES, encode_frames({"kind": "changes"}, {"changes": changes}))
        if self._profiles:
            profiles = table.assigner.profiles()
            if len(profiles):
                yield Profiles(PROFILES, encode_frames({"kind": "profiles"}, {"profiles": profiles}))


def _count(changes: pl.DataFrame) -> None:
    stages: Counter[str] = Counter()
    members: Counter[str] = Counter()
    columns = (changes[name].to_list() for name in ("stage", "segment", "action"))
    for (stage, segment, action), rows in Counter(zip(*columns, strict=True)).items():
        stages[stage] += rows
        if stage != "EARLY":
            members[segment] += rows if action == "ENTERED" else -rows
    for stage, rows in stages.items():
        Metrics.counter(NAMESPACE, f"changes.{stage}").inc(rows)
    for segment, rows in members.items():
        Metrics.counter(NAMESPACE, f"members.{segment}").inc(rows)


class _AssignBounded(_Assign):
    """Keeps messages as they come, and settles all ticks in one step when the input has ended."""

    MESSAGES = BagStateSpec("assign_messages", BytesCoder())
    END = TimerSpec("assign_end", TimeDomain.WATERMARK)

    def process(
        self,
        element: tuple[int, bytes],
        messages: Any = beam.DoFn.StateParam(MESSAGES),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> None:
        messages.add(element[1])
        end.set(self._timing.assign_at(0))

    @on_timer(END)
    def settle(self, messages: Any = beam.DoFn.StateParam(MESSAGES)) -> Iterable[Changes | Profiles]:
        table = self._table()
        for message in messages.read():
            table.take(message)
        messages.clear()
        until = table.due_by(self._timing.assign_at(0))
        if until is not None:
            yield from self._emitted(table, table.settle(until))
            for name, score in table.assigner.cut_scores().items():
                Metrics.gauge(NAMESPACE, f"cut.{name}").set(score)


class _AssignLive(_Assign):
    """Settles memberships as the watermark passes; with previews, says provisionally what an event changes at once."""

    HEAD = ReadModifyWriteStateSpec("assign_head", BytesCoder())
    SNAPSHOT = BagStateSpec("assign_snapshot", BytesCoder())
    LOG = BagStateSpec("assign_log", BytesCoder())
    TICK = TimerSpec("assign_tick", TimeDomain.WATERMARK)

    def setup(self) -> None:
        self._state = ShardState(self._table, self._shards)

    def process(
        self,
        element: tuple[int, bytes],
        head: Any = beam.DoFn.StateParam(HEAD),
        snapshot: Any = beam.DoFn.StateParam(SNAPSHOT),
        log: Any = beam.DoFn.StateParam(LOG),
        tick: Any = beam.DoFn.TimerParam(TICK),
    ) -> Iterable[Changes | Profiles]:
        shard, message = element
        opened = self._state.load(shard, head, snapshot, log)
        changes, due = opened.table.take(message)
        opened.append(message)
        if due is not None:
            tick.set(self._timing.assign_at(due), dynamic_timer_tag=str(due))
        opened.save()
        if len(changes):
            _count(changes)
            yield Changes(CHANGES, encode_frames({"kind": "changes"}, {"changes": changes}))

    @on_timer(TICK)
    def settle(
        self,
        shard: Any = beam.DoFn.KeyParam,
        fired: Any = beam.DoFn.TimestampParam,
        head: Any = beam.DoFn.StateParam(HEAD),
        snapshot: Any = beam.DoFn.StateParam(SNAPSHOT),
        log: Any = beam.DoFn.StateParam(LOG),
    ) -> Iterable[Changes | Profiles]:
        opened = self._state.load(shard, head, snapshot, log)
        until = opened.table.due_by(fired)
        if until is None:
            opened.release()
            return
        yield from self._emitted(opened.table, opened.table.settle(until))
        Metrics.gauge(NAMESPACE, "settled_tick").set(until // MILLISECOND)
        opened.append(SettledUpTo(until).encode())
        opened.save()
