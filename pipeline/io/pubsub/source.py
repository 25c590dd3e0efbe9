"""ReadPubsub: the messages of a subscription as chunks."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apache_beam as beam
from apache_beam.io.iobase import RestrictionProgress, RestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.metrics import Metrics
from apache_beam.transforms.core import RestrictionProvider, WatermarkEstimatorProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.held_watermark import BEGINNING
from pipeline.io.pubsub.messages import chunks_of_messages
from pipeline.io.pubsub.pulling import Pulled
from pipeline.io.pubsub.reader import Position, SubscriptionReader
from transforms.decode_events import NAMESPACE
from transforms.raw_chunk import RawChunk

#: Seconds that a bundle waits for its first message, and after that for more.
_WAIT: Final = 0.15
_GATHER: Final = 0.1


class ReadPubsub(beam.PTransform[beam.pvalue.PBegin, beam.PCollection[RawChunk]]):
    """A pipeline's root -> PCollection of `RawChunk`, few for each bundle.

    A chunk's time is the least of its messages'. One reader reads a subscription: event time is what all of its
    messages agree on (`HeldWatermark`). Messages are acknowledged when the work on them is durable
    (`pipeline.io.pubsub.deliveries`), and come again where it is not.

    Args:
        address: the subscription.
        json_only: whether Avro is bad input: a mapping reads JSON.
    """

    def __init__(self, address: PubsubAddress, *, json_only: bool = False) -> None:
        super().__init__()
        self._address = address
        self._json_only = json_only

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[RawChunk]:
        """Apply the transform."""
        started = root | "Start" >> beam.Impulse()
        read = beam.ParDo(_Read(self._address, self._json_only)).with_output_types(RawChunk)
        chunks: beam.PCollection[RawChunk] = started | "Pull" >> read
        return chunks


class _PositionCoder(beam.coders.Coder):
    """`Position` as text: what it is, layout version, bundle, reader.

    The beginning tells `deploy/java` that there is one of these at a time, which bounds the state that Flink keeps.
    """

    _LAYOUT: Final = "segments:one-at-a-time: 1"

    def encode(self, value: Position) -> bytes:
        return f"{self._LAYOUT} {value.bundle} {value.reader}".encode()

    def decode(self, encoded: bytes) -> Position:
        kind, version, bundle, reader = encoded.decode().split(" ")
        if f"{kind} {version}" != self._LAYOUT:
            raise ValueError(f"expected a position of layout {self._LAYOUT!r}, found {kind!r} {version!r}")
        return Position(reader, int(bundle))

    def is_deterministic(self) -> bool:
        return True


class _Tracker(RestrictionTracker):
    """Goes from one bundle's position to the next; there is no end."""

    def __init__(self, position: Position) -> None:
        self._position = position
        self._left = False

    def current_restriction(self) -> Position:
        return self._position

    def try_claim(self, position: Position) -> bool:
        if not self._left:
            self._position = position
        return not self._left

    def try_split(self, fraction_of_remainder: float) -> tuple[Position, Position] | None:
        """Only the whole of what is left can be left."""
        if fraction_of_remainder > 0 or self._left:
            return None
        self._left = True
        return self._position, self._position

    def check_done(self) -> bool:
        if not self._left:
            raise ValueError("a bundle of a subscription ends by leaving the rest to the next one")
        return True

    def current_progress(self) -> RestrictionProgress:
        return RestrictionProgress(completed=0.0, remaining=1.0)

    def is_bounded(self) -> bool:
        return False


class _Provider(RestrictionProvider, WatermarkEstimatorProvider):
    def initial_restriction(self, _element: bytes) -> Position:
        return Position("", 0)

    def create_tracker(self, position: Position) -> _Tracker:
        return _Tracker(position)

    def restriction_size(self, _element: bytes, _position: Position) -> int:
        return 1

    def restriction_coder(self) -> beam.coders.Coder:
        return _PositionCoder()

    def truncate(self, _element: bytes, _position: Position) -> None:
        """On drain nothing more is read."""

    def initial_estimator_state(self, _element: bytes, _position: Position) -> Timestamp:
        return MIN_TIMESTAMP

    def create_watermark_estimator(self, reached: Timestamp) -> ManualWatermarkEstimator:
        return ManualWatermarkEstimator(reached)

    def estimator_state_coder(self) -> beam.coders.Coder:
        return beam.coders.TimestampCoder()


_PROVIDER: Final = _Provider()


class _Read(beam.DoFn):
    """Many instances of this may live in a process, since each bundle that isn't finalized keeps one; its reader is
    one."""

    def __init__(self, address: PubsubAddress, json_only: bool) -> None:
        self._address = address
        self._json_only = json_only

    def setup(self) -> None:
        self._reader = _readers.borrow(self._address)

    def teardown(self) -> None:
        if hasattr(self, "_reader"):
            _readers.give_back(self._address)

    # Beam wants parameters that it fills by position before those that it fills by name.
    @beam.DoFn.unbounded_per_element()  # type: ignore[untyped-decorator]  # Beam left it without types
    def process(
        self,
        _element: bytes,
        finalizer: Any = beam.DoFn.BundleFinalizerParam,
        tracker: Any = beam.DoFn.RestrictionParam(_PROVIDER),
        watermark: Any = beam.DoFn.WatermarkEstimatorParam(_PROVIDER),
    ) -> Iterator[TimestampedValue[RawChunk]]:
        reader, reached = self._reader, watermark.current_watermark()
        position = reader.begin(tracker.current_restriction(), reached.micros if reached > MIN_TIMESTAMP else BEGINNING)
        if not tracker.try_claim(position):
            return
        pulled = reader.take(position, _WAIT, _GATHER)
        # Always: Prism finalizes every bundle of a step that ever asks for it, and complains where one did not.
        finalizer.register(lambda: reader.finalized(position))
        yield from self._chunks(pulled)
        now = reader.event_time()
        Metrics.gauge(NAMESPACE, "event_time_held_ms").set(reader.held_ms())
        if now > BEGINNING and Timestamp(micros=now) > reached:
            watermark.set_watermark(Timestamp(micros=now))
        tracker.defer_remainder()

    def _chunks(self, pulled: Iterable[Pulled]) -> Iterator[TimestampedValue[RawChunk]]:
        batches = list(pulled)
        if not batches:
            return
        ids = [each for batch in batches for each in batch.ids]
        values = [each for batch in batches for each in batch.values]
        earliest = Timestamp(micros=min(batch.earliest for batch in batches))
        for chunk in chunks_of_messages(self._address.url, ids, values, json_only=self._json_only):
            yield TimestampedValue(chunk, earliest)


class _Readers:
    """The readers of this process by address, each for as long as it is in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[PubsubAddress, int] = {}
        self._readers: dict[PubsubAddress, SubscriptionReader] = {}

    def borrow(self, address: PubsubAddress) -> SubscriptionReader:
        with self._lock:
            if address not in self._readers:
                self._readers[address] = SubscriptionReader(address)
            self._users[address] = self._users.get(address, 0) + 1
            return self._readers[address]

    def give_back(self, address: PubsubAddress) -> None:
        with self._lock:
            self._users[address] -= 1
            reader = None if self._users[address] else self._readers.pop(address)
        if reader is not None:
            reader.close()


_readers: Final = _Readers()
