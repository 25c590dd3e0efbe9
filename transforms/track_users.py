"""TrackUsers: events of a shard become features and population moves, tick by tick of event time."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, TypeVar, cast

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from segmentation.messages import PopulationMoves, Preview, SettledUpTo
from segmentation.population.moves import CLOCK, clock_moves
from segmentation.rules.model import Rules
from segmentation.tracking.intake import Counts
from segmentation.tracking.tracker import Settled
from transforms.auditing import Auditor
from transforms.decode_events import NAMESPACE
from transforms.state.shard_state import OpenShard, ShardState
from transforms.state.timing import Timing
from transforms.state.tracked_shard import TrackedShard

FEATURES: Final = "features"
POPULATION: Final = "population"
AUDIT: Final = "audit"
Value = TypeVar("Value")
Features = TaggedOutput[Literal["features"], tuple[int, bytes]]
Moves = TaggedOutput[Literal["population"], tuple[str, bytes]]
Audits = TaggedOutput[Literal["audit"], bytes]


class TrackUsers(beam.PTransform[Any, Any]):
    """PCollection of (shard, event batch) -> ``features`` of (shard, features) and ``population`` of (feature, moves),
    and where that is asked for ``audit`` (frames of audit records as bytes).

    Args:
        rules: the rules to follow.
        timing: when ticks settle.
        shards: how many there are; recorded in the state.
        early: also emit what an arriving batch changes at once, ahead of its tick.
        auditor: makes records of late events; None where nobody wants them, and then there is no such output.
    """

    def __init__(
        self, rules: Rules, timing: Timing, shards: int, *, early: bool, auditor: Auditor | None = None
    ) -> None:
        super().__init__()
        self._rules = rules
        self._timing = timing
        self._shards = shards
        self._early = early
        self._auditor = auditor

    def expand(self, batches: beam.PCollection[Any]) -> Any:
        """Apply the transform."""
        if self._timing.bounded:
            track: beam.DoFn = _TrackBounded(self._rules, self._timing, self._auditor)
        else:
            track = self.live_fn()
        tags = (FEATURES, POPULATION) if self._auditor is None else (FEATURES, POPULATION, AUDIT)
        return batches | "Track" >> beam.ParDo(track).with_outputs(*tags)

    def live_fn(self) -> beam.DoFn:
        """The stateful step of a live run."""
        return _TrackLive(self._rules, self._timing, self._shards, self._early, self._auditor)


def _emitted(
    shard: int, settled: Settled, auditor: Auditor | None, at: Timestamp
) -> Iterator[Features | Moves | Audits]:
    yield Features(FEATURES, _timed((shard, settled.features.encode()), at))
    for feature, moves in settled.moves.items():
        yield Moves(POPULATION, _timed((feature, PopulationMoves({feature: moves}).encode()), at))
    if auditor is not None and settled.late is not None:
        yield Audits(AUDIT, _timed(auditor.encode(settled.late), at))


def _timed(value: Value, at: Timestamp) -> Value:
    """``value`` with its tick's own time, which a call that settles several ticks could not give it otherwise."""
    return cast(Value, TimestampedValue(value, at))  # Beam takes it out again: what is annotated is what arrives


def _count(now: Counts, before: Counts) -> None:
    for name, later, earlier in (
        ("accepted", now.accepted, before.accepted),
        ("duplicate", now.duplicate, before.duplicate),
        ("dropped.too_late", now.too_late, before.too_late),
        ("late", now.late, before.late),
        ("users", now.users, before.users),
    ):
        if later > earlier:
            Metrics.counter(NAMESPACE, name).inc(later - earlier)


class _TrackBounded(beam.DoFn):
    """Keeps batches as they come, and settles all ticks in one step when the input has ended."""

    BATCHES = BagStateSpec("track_batches", BytesCoder())
    END = TimerSpec("track_end", TimeDomain.WATERMARK)

    def __init__(self, rules: Rules, timing: Timing, auditor: Auditor | None) -> None:
        self._rules = rules
        self._timing = timing
        self._auditor = auditor

    def process(
        self,
        element: tuple[int, bytes],
        batches: Any = beam.DoFn.StateParam(BATCHES),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> None:
        batches.add(element[1])
        end.set(self._timing.track_at(0))

    @on_timer(END)
    def settle(
        self, shard: Any = beam.DoFn.KeyParam, batches: Any = beam.DoFn.StateParam(BATCHES)
    ) -> Iterable[Features | Moves | Audits]:
        table = TrackedShard(self._rules, self._timing)
        for batch in batches.read():
            table.take(batch)
        batches.clear()
        tracker = table.tracker
        until = table.last_due()
        if until is not None:
            settled = tracker.advance(until, audit=self._auditor is not None)
            yield from _emitted(shard, settled, self._auditor, self._timing.track_at(until))
            tracker.count_rest()
            latest = tracker.latest_accepted()
            if latest is not None:
                yield Moves(POPULATION, (CLOCK, PopulationMoves(clock_moves(latest)).encode()))
        _count(tracker.counts, Counts())


class _TrackLive(beam.DoFn):
    """Takes batches in as they come and settles tick after tick as the watermark passes."""

    HEAD = ReadModifyWriteStateSpec("track_head", BytesCoder())
    SNAPSHOT = BagStateSpec("track_snapshot", BytesCoder())
    LOG = BagStateSpec("track_log", BytesCoder())
    TICK = TimerSpec("track_tick", TimeDomain.WATERMARK)

    def __init__(self, rules: Rules, timing: Timing, shards: int, early: bool, auditor: Auditor | None) -> None:
        self._rules = rules
        self._timing = timing
        self._shards = shards
        self._early = early
        self._auditor = auditor

    def setup(self) -> None:
        self._state = ShardState(lambda: TrackedShard(self._rules, self._timing), self._shards)

    def process(
        self,
        element: tuple[int, bytes],
        head: Any = beam.DoFn.StateParam(HEAD),
        snapshot: Any = beam.DoFn.StateParam(SNAPSHOT),
        log: Any = beam.DoFn.StateParam(LOG),
        tick: Any = beam.DoFn.TimerParam(TICK),
    ) -> Iterable[Features | Moves | Audits]:
        shard, batch = element
        opened = self._state.load(shard, head, snapshot, log)
        table = opened.table
        before = table.tracker.counts.copy()
        if not table.take(batch):
            opened.release()
            return
        opened.append(batch)
        if self._early:
            preview = table.preview()
            if preview is not None:
                yield Features(FEATURES, (shard, Preview(preview).encode()))
        self._set_timers(opened, tick)
        opened.save()
        _count(table.tracker.counts, before)

    @on_timer(TICK)
    def settle(
        self,
        shard: Any = beam.DoFn.KeyParam,
        fired: Any = beam.DoFn.TimestampParam,
        head: Any = beam.DoFn.StateParam(HEAD),
        snapshot: Any = beam.DoFn.StateParam(SNAPSHOT),
        log: Any = beam.DoFn.StateParam(LOG),
        tick: Any = beam.DoFn.TimerParam(TICK),
    ) -> Iterable[Features | Moves | Audits]:
        opened = self._state.load(shard, head, snapshot, log)
        table = opened.table
        if table.due_by(fired) is None:
            opened.release()
            return
        before = table.tracker.counts.copy()
        while (until := table.due_by(fired)) is not None:
            settled = table.tracker.advance(until, audit=self._auditor is not None)
            yield from _emitted(shard, settled, self._auditor, self._timing.track_at(until))
            opened.append(SettledUpTo(until).encode())
        _count(table.tracker.counts, before)
        self._set_timers(opened, tick)
        opened.save()

    def _set_timers(self, opened: OpenShard[TrackedShard], tick: Any) -> None:
        for each in opened.without_timer(opened.table.due()):
            tick.set(self._timing.track_at(each), dynamic_timer_tag=str(each))
