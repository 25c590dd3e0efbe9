"""AssignSegments: features and populations become segment changes and profiles, tick by tick of event time."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import apache_beam as beam
import polars as pl
from apache_beam.coders import BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, TimerSpec, on_timer

from segmentation.columns.frames import encode_frames
from segmentation.messages import SettledUpTo
from segmentation.units import MILLISECOND
from transforms.decode_events import NAMESPACE
from transforms.shard_users import ShardMessage
from transforms.state.assigned_shard import AssignedShard
from transforms.state.cells import Cells, shard_cells, with_cells
from transforms.state.facts import StateFacts
from transforms.state.shard_state import ShardState
from transforms.state.start import StartingState
from transforms.state.state_folder import ASSIGN
from transforms.state.timing import Timing

CHANGES: Final = "changes"
PROFILES: Final = "profiles"
_Changes = TaggedOutput[Literal["changes"], bytes]
_Profiles = TaggedOutput[Literal["profiles"], bytes]
_Output: TypeAlias = _Changes | _Profiles


@dataclass(frozen=True)
class _Settings:
    facts: StateFacts
    profiles: bool
    start: StartingState | None

    @property
    def timing(self) -> Timing:
        return self.facts.timing

    def table(self) -> AssignedShard:
        return AssignedShard(self.facts.rules, self.facts.timing, self.facts.keys.load().publish)


class AssignSegments(beam.PTransform[beam.PCollection[ShardMessage], beam.pvalue.DoOutputsTuple]):
    """Features and populations become segment changes.

    Outputs: ``changes`` and ``profiles``, both frames as bytes.

    Args:
        facts: what the state is made with: the rules to follow, when ticks settle, and so on.
        profiles: whether something reads the profiles.
        start: where a live run has its state from at first; None: from nowhere.
    """

    def __init__(self, facts: StateFacts, *, profiles: bool, start: StartingState | None = None) -> None:
        super().__init__()
        self._settings = _Settings(facts, profiles, start)

    def expand(self, messages: beam.PCollection[ShardMessage]) -> Any:  # Beam knows no hint for several outputs
        """Apply the transform."""
        assign = _AssignBounded(self._settings) if self._settings.timing.bounded else self.live_fn()
        return messages | "Assign" >> beam.ParDo(assign).with_outputs(CHANGES, PROFILES)

    def live_fn(self) -> beam.DoFn:
        """The stateful step of a live run."""
        return _AssignLive(self._settings)


class _Assign(beam.DoFn):
    """What both ways of settling share."""

    def __init__(self, settings: _Settings) -> None:
        self._settings = settings

    def _settled(self, table: AssignedShard, until: int) -> Iterator[_Output]:
        """Settles up to a tick (µs)."""
        yield from _changes(table.settle(until))
        if self._settings.profiles:
            profiles = table.assigner.profiles()
            if len(profiles):
                yield _Profiles(PROFILES, encode_frames({"kind": "profiles"}, {"profiles": profiles}))
        table.assigner.compact()


def _changes(changes: pl.DataFrame) -> Iterator[_Output]:
    if len(changes):
        _count(changes)
        yield _Changes(CHANGES, encode_frames({"kind": "changes"}, {"changes": changes}))


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
        end.set(self._settings.timing.assign_at(0))

    @on_timer(END)
    def settle(self, messages: Any = beam.DoFn.StateParam(MESSAGES)) -> Iterable[_Output]:
        table = self._settings.table()
        for message in messages.read():
            table.take(message)
        messages.clear()
        until = table.due_by(self._settings.timing.assign_at(0))
        if until is not None:
            yield from self._settled(table, until)
            for name, score in table.assigner.cut_scores().items():
                Metrics.gauge(NAMESPACE, f"cut.{name}").set(score)


class _AssignLive(_Assign):
    """Settles memberships as the watermark passes; with previews, says provisionally what an event changes at once."""

    CELLS = shard_cells("assign")
    TICK = TimerSpec("assign_tick", TimeDomain.WATERMARK)

    def setup(self) -> None:
        start = self._settings.start
        fill = None if start is None else partial(start.fill, ASSIGN, self.CELLS)
        self._state = ShardState(self._settings.table, self._settings.facts.made_with(seeded=False), fill)

    @with_cells(CELLS)
    def process(
        self, element: tuple[int, bytes], tick: Any = beam.DoFn.TimerParam(TICK), *, cells: Cells
    ) -> Iterable[_Output]:
        shard, message = element
        opened = self._state.load(shard, cells)
        if opened.started:
            for each in opened.table.waiting:
                tick.set(self._settings.timing.assign_at(each), dynamic_timer_tag=str(each))
        changes, due = opened.table.take(message)
        opened.append(message)
        if due is not None:
            tick.set(self._settings.timing.assign_at(due), dynamic_timer_tag=str(due))
        opened.save()
        yield from _changes(changes)

    @on_timer(TICK)
    @with_cells(CELLS)
    def settle(
        self, shard: Any = beam.DoFn.KeyParam, fired: Any = beam.DoFn.TimestampParam, *, cells: Cells
    ) -> Iterable[_Output]:
        opened = self._state.load(shard, cells)
        until = opened.table.due_by(fired)
        if until is None:
            opened.release()
            return
        yield from self._settled(opened.table, until)
        Metrics.gauge(NAMESPACE, "settled_tick").set(until // MILLISECOND)
        opened.append(SettledUpTo(until).encode())
        opened.save()
