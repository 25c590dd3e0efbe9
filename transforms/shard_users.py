"""ShardUsers: decoded batches become one batch per shard and bundle, keyed by shard; raw user ids end here, but for
dead letters, which go on as they came."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import apache_beam as beam
import polars as pl
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MAX_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from schemas.types import DeadLetter
from segmentation.identity.sharder import HEARTBEAT, Sharder
from segmentation.rules.model import Rules
from transforms.decode_events import NAMESPACE
from transforms.event_batch import EventBatch
from transforms.keys.sources import KeySource
from transforms.refused_records import encode_refused

#: (shard, a message of `segmentation.messages` or `transforms.refused_records` as bytes).
ShardMessage: TypeAlias = tuple[int, bytes]

#: Events held back at most before they are split: large enough to make a shard's share worth its fixed cost.
MAX_HELD_EVENTS = 1 << 18
#: Bytes of dead letters held back at most before they go on.
MAX_HELD_BYTES = 8 << 20
#: The shard that dead letters pass, whatever the number of shards: wherever there is state, this one has some.
REFUSED_SHARD = 0


class ShardUsers(beam.PTransform[beam.PCollection[EventBatch], beam.PCollection[ShardMessage]]):
    """Events become one message per shard and bundle (`segmentation.messages.EventsOfShard`).

    Every bundle with events gives every shard a batch, if only with the clock, so that all shards tick alike. The dead
    letters of a bundle become one message for one shard (`transforms.refused_records`).
    """

    def __init__(self, rules: Rules, shards: int, *, keys: KeySource) -> None:
        super().__init__()
        self._rules = rules
        self._shards = shards
        self._keys = keys

    def expand(self, batches: beam.PCollection[EventBatch]) -> beam.PCollection[ShardMessage]:
        """Apply the transform."""
        sharded: beam.PCollection[ShardMessage] = batches | "SplitByShard" >> beam.ParDo(
            _ShardUsers(self._rules, self._shards, self._keys)
        ).with_output_types(ShardMessage)
        return sharded


class _ShardUsers(beam.DoFn):
    def __init__(self, rules: Rules, shards: int, keys: KeySource) -> None:
        self._rules = rules
        self._shards = shards
        self._keys = keys

    def setup(self) -> None:
        self._sharder = Sharder(self._rules, self._shards, self._keys.load())

    def start_bundle(self) -> None:
        self._held: list[pl.DataFrame] = []
        self._refused: list[DeadLetter] = []
        self._refused_bytes = 0
        self._clock: int | None = None
        self._timestamp = MAX_TIMESTAMP

    def process(self, batch: EventBatch, timestamp: Any = beam.DoFn.TimestampParam) -> Iterator[ShardMessage]:
        frame = batch.frame
        heartbeats = int((frame["name"] == HEARTBEAT).sum())
        if heartbeats:
            # They are only a clock: accepted here, since no shard sees them.
            Metrics.counter(NAMESPACE, "accepted").inc(heartbeats)
        if batch.refused:
            yield from self._hold_refused(batch.refused, timestamp)
        if len(frame):
            latest = frame["occurred_at"].to_numpy().max().item()
            self._clock = latest if self._clock is None else max(self._clock, latest)
            self._timestamp = min(self._timestamp, timestamp)
            self._held.append(frame)
        if sum(map(len, self._held)) >= MAX_HELD_EVENTS:
            yield from self._split()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for keyed in (*self._split(), *self._pass_refused()):
            yield WindowedValue(keyed, self._timestamp, (GlobalWindow(),))

    def _hold_refused(self, letters: tuple[DeadLetter, ...], timestamp: Any) -> Iterator[ShardMessage]:
        self._timestamp = min(self._timestamp, timestamp)
        self._refused += letters
        self._refused_bytes += sum(len(letter.payload) for letter in letters)
        if self._refused_bytes >= MAX_HELD_BYTES:
            yield from self._pass_refused()

    def _pass_refused(self) -> Iterator[ShardMessage]:
        if self._refused:
            yield REFUSED_SHARD, encode_refused(self._refused)
            self._refused, self._refused_bytes = [], 0

    def _split(self) -> Iterator[ShardMessage]:
        if not self._held:
            return
        events = self._held[0] if len(self._held) == 1 else pl.concat(self._held, how="diagonal_relaxed")
        self._held = []
        for shard, batch in self._sharder.split(events, self._clock).items():
            yield shard, batch.encode()
