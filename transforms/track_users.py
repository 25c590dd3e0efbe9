"""TrackUsers: events of a shard become features and population moves, tick by tick of event time."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from schemas.types import DeadLetter
from segmentation.columns.arrays import Column
from segmentation.columns.frames import encode_frames
from segmentation.messages import PopulationMoves, Preview, SettledUpTo
from segmentation.population.moves import CLOCK, clock_moves
from segmentation.tracking.intake import Counts
from segmentation.tracking.late_events import LateEvents
from transforms.decode_events import NAMESPACE
from transforms.keys.sources import KeySource
from transforms.refused_records import decode_refused
from transforms.shard_users import ShardMessage
from transforms.state.cells import Cells, shard_cells, with_cells
from transforms.state.facts import StateFacts
from transforms.state.shard_state import OpenShard, ShardState
from transforms.state.start import StartingState
from transforms.state.state_folder import TRACK
from transforms.state.timing import Timing
from transforms.state.tracked_shard import TrackedShard

FEATURES: Final = "features"
POPULATION: Final = "population"
AUDIT: Final = "audit"
DEAD_LETTERS: Final = "dead_letters"
#: (name of a feature, `segmentation.messages.PopulationMoves` as bytes).
FeatureMoves: TypeAlias = tuple[str, bytes]
_Value = TypeVar("_Value")
_Features = TaggedOutput[Literal["features"], ShardMessage]
_Moves = TaggedOutput[Literal["population"], FeatureMoves]
_Audits = TaggedOutput[Literal["audit"], bytes]
_DeadLetters = TaggedOutput[Literal["dead_letters"], DeadLetter]
_Output: TypeAlias = _Features | _Moves | _Audits | _DeadLetters


@dataclass(frozen=True)
class Auditor:
    """Makes audit records of late events, under published pseudonyms.

    It is a part of the job graph, so it says where the key comes from and never holds it.
    """

    rules_version: int
    keys: KeySource

    def encode(self, late: LateEvents) -> bytes:
        """A frame of audit records as bytes.

        Raises:
            SecretKeyError: the keys are missing or no keys.
        """
        publish_key = self.keys.load().publish
        return encode_frames({"kind": "audit"}, {"audit": late.records(self.rules_version, publish_key)})


@dataclass(frozen=True)
class _Settings:
    facts: StateFacts
    early: bool
    auditor: Auditor | None
    start: StartingState | None

    @property
    def timing(self) -> Timing:
        return self.facts.timing

    def table(self) -> TrackedShard:
        return TrackedShard(self.facts.rules, self.facts.timing)


class TrackUsers(beam.PTransform[beam.PCollection[ShardMessage], beam.pvalue.DoOutputsTuple]):
    """Batches of events become features and population moves.

    Outputs: ``features`` of `ShardMessage`, ``population`` of `FeatureMoves`, ``dead_letters`` of `DeadLetter` (they
    only pass, so that none leaves a job whose state is refused), and where that is asked for ``audit`` (frames of audit
    records as bytes).

    Args:
        facts: what the state is made with: the rules to follow, when ticks settle, and so on.
        early: also emit what an arriving batch changes at once, ahead of its tick.
        auditor: makes records of late events; without one there is no such output.
        start: where a live run has its state from at first; None: from nowhere.
    """

    def __init__(
        self, facts: StateFacts, *, early: bool, auditor: Auditor | None = None, start: StartingState | None = None
    ) -> None:
        super().__init__()
        self._settings = _Settings(facts, early, auditor, start)

    def expand(self, batches: beam.PCollection[ShardMessage]) -> Any:  # Beam knows no hint for several outputs
        """Apply the transform."""
        track = _TrackBounded(self._settings) if self._settings.timing.bounded else self.live_fn()
        audit = () if self._settings.auditor is None else (AUDIT,)
        outputs = batches | "Track" >> beam.ParDo(track).with_outputs(FEATURES, POPULATION, DEAD_LETTERS, *audit)
        outputs[DEAD_LETTERS].element_type = DeadLetter
        return outputs

    def live_fn(self) -> beam.DoFn:
        """The stateful step of a live run."""
        return _TrackLive(self._settings)


def _timed(value: _Value, at: Timestamp) -> _Value:
    """``value`` with its tick's own time, which a call that settles several ticks could not give it otherwise."""
    return cast(_Value, TimestampedValue(value, at))  # Beam takes it out again: what is annotated is what arrives


def _passed(letters: Iterable[DeadLetter]) -> Iterator[_Output]:
    return (_DeadLetters(DEAD_LETTERS, letter) for letter in letters)


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


class _Track(beam.DoFn):
    """What both ways of settling share."""

    def __init__(self, settings: _Settings) -> None:
        self._settings = settings

    def _settled(self, shard: int, table: TrackedShard, until: int) -> Generator[_Output, None, Column]:
        """Settles up to a tick (µs); returns which of the events that counted were duplicates."""
        auditor = self._settings.auditor
        settled = table.tracker.advance(until, audit=auditor is not None)
        at = self._settings.timing.track_at(until)
        yield _Features(FEATURES, _timed((shard, settled.features.encode()), at))
        for feature, moves in settled.moves.items():
            yield _Moves(POPULATION, _timed((feature, PopulationMoves({feature: moves}).encode()), at))
        if auditor is not None and settled.late is not None:
            yield _Audits(AUDIT, _timed(auditor.encode(settled.late), at))
        return settled.repeated


class _TrackBounded(_Track):
    """Keeps batches as they come, and settles all ticks in one step when the input has ended."""

    BATCHES = BagStateSpec("track_batches", BytesCoder())
    END = TimerSpec("track_end", TimeDomain.WATERMARK)

    def process(
        self,
        element: tuple[int, bytes],
        batches: Any = beam.DoFn.StateParam(BATCHES),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> Iterable[_Output]:
        refused = decode_refused(element[1])
        if refused is not None:
            yield from _passed(refused)
            return
        batches.add(element[1])
        end.set(self._settings.timing.track_at(0))

    @on_timer(END)
    def settle(
        self, shard: Any = beam.DoFn.KeyParam, batches: Any = beam.DoFn.StateParam(BATCHES)
    ) -> Iterable[_Output]:
        table = self._settings.table()
        for batch in batches.read():
            table.take(batch)
        batches.clear()
        tracker = table.tracker
        until = table.last_due()
        if until is not None:
            yield from self._settled(shard, table, until)
            tracker.count_rest()
            latest = tracker.latest_accepted()
            if latest is not None:
                yield _Moves(POPULATION, (CLOCK, PopulationMoves(clock_moves(latest)).encode()))
        _count(tracker.counts, Counts())


class _TrackLive(_Track):
    """Takes batches in as they come and settles tick after tick as the watermark passes."""

    CELLS = shard_cells("track", ids=True)
    TICK = TimerSpec("track_tick", TimeDomain.WATERMARK)

    def setup(self) -> None:
        start = self._settings.start
        fill = None if start is None else partial(start.fill, TRACK, self.CELLS)
        self._state = ShardState(self._settings.table, self._settings.facts.made_with(seeded=True), fill)

    @with_cells(CELLS)
    def process(
        self, element: tuple[int, bytes], tick: Any = beam.DoFn.TimerParam(TICK), *, cells: Cells
    ) -> Iterable[_Output]:
        shard, batch = element
        opened = self._state.load(shard, cells)
        table = opened.table
        if opened.started:
            # The next stage has to have its part before anything ends this job.
            yield _Features(FEATURES, (shard, PopulationMoves({}).encode()))
            self._set_timers(opened, tick)
            opened.save()
        refused = decode_refused(batch)
        if refused is not None:
            opened.release()
            yield from _passed(refused)
            return
        before = table.tracker.counts.copy()
        if not table.take(batch):
            opened.release()
            return
        opened.append(batch)
        if self._settings.early:
            preview = table.preview()
            if preview is not None:
                yield _Features(FEATURES, (shard, Preview(preview).encode()))
        self._set_timers(opened, tick)
        opened.save()
        _count(table.tracker.counts, before)

    @on_timer(TICK)
    @with_cells(CELLS)
    def settle(
        self,
        shard: Any = beam.DoFn.KeyParam,
        fired: Any = beam.DoFn.TimestampParam,
        tick: Any = beam.DoFn.TimerParam(TICK),
        *,
        cells: Cells,
    ) -> Iterable[_Output]:
        opened = self._state.load(shard, cells)
        table = opened.table
        if table.due_by(fired) is None:
            opened.release()
            return
        before = table.tracker.counts.copy()
        while (until := table.due_by(fired)) is not None:
            repeated = yield from self._settled(shard, table, until)
            opened.append(SettledUpTo(until, repeated if len(repeated) else None).encode())
        table.tracker.write_ids()
        _count(table.tracker.counts, before)
        self._set_timers(opened, tick)
        opened.save()

    def _set_timers(self, opened: OpenShard[TrackedShard], tick: Any) -> None:
        for each in opened.without_timer(opened.table.due()):
            tick.set(self._settings.timing.track_at(each), dynamic_timer_tag=str(each))
