"""Chunks of event logs to batches of events, with dead letters for what is no event."""

from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
from apache_beam.metrics import Metrics

from schemas.types import DeadLetter
from transforms.decoding.event_decoder import EventDecoder
from transforms.decoding.reasons import DeadLetterReason
from transforms.decoding.records import BadRecord
from transforms.event_batch import EventBatch
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import RawChunk

STEP = "DecodeEvents"
NAMESPACE = "segments"


class DecodeEvents(beam.PTransform[beam.PCollection[RawChunk], beam.PCollection[EventBatch]]):
    """Chunks of a log become batches of events and dead letters, none of them without either.

    Counters in `NAMESPACE`: ``read`` records, ``dead_letter.<reason>``; what isn't a dead letter is an event.
    """

    def __init__(
        self,
        rules_properties: tuple[str, ...],
        mapping: EventMapping | None = None,
        *,
        now: int | Callable[[], int],
    ) -> None:
        """``rules_properties`` are the properties that the rules read; ``mapping`` is for foreign logs.

        ``now`` is the clock of the run in µs, or what tells it where a run goes on for long (it must pickle).

        Raises:
            ValueError: a property or a mapped key has a name that can't be read.
        """
        super().__init__()
        EventDecoder(rules_properties, mapping)
        self._properties = rules_properties
        self._mapping = mapping
        self._now = now

    def expand(self, chunks: beam.PCollection[RawChunk]) -> beam.PCollection[EventBatch]:
        """Apply the transform."""
        decode = beam.ParDo(_DecodeFn(self._properties, self._mapping, self._now))
        batches: beam.PCollection[EventBatch] = chunks | "Decode" >> decode.with_output_types(EventBatch)
        return batches


class _DecodeFn(beam.DoFn):
    def __init__(self, properties: tuple[str, ...], mapping: EventMapping | None, now: int | Callable[[], int]) -> None:
        self._properties = properties
        self._mapping = mapping
        self._now = now
        self._read = Metrics.counter(NAMESPACE, "read")
        self._refused = {
            reason: Metrics.counter(NAMESPACE, f"dead_letter.{reason.value}") for reason in DeadLetterReason
        }

    def setup(self) -> None:
        # Typed decoders do not pickle, so they are made where they are used.
        self._decoder = EventDecoder(self._properties, self._mapping)

    def process(self, element: RawChunk) -> Iterator[EventBatch]:
        now = self._now if isinstance(self._now, int) else self._now()
        decoded = self._decoder.decode(element, now)
        self._read.inc(decoded.read)
        refused = tuple(self._refused_ones(element, decoded.bad, now)) if decoded.bad else ()
        if decoded.frame.height or refused:
            yield EventBatch(decoded.frame, refused)

    def _refused_ones(self, chunk: RawChunk, bad: Sequence[BadRecord], now: int) -> Iterator[DeadLetter]:
        places = chunk.places([record.position for record in bad])
        for record, (source, position) in zip(bad, places, strict=True):
            self._refused[record.reason].inc()
            yield DeadLetter(
                reason=record.reason.value,
                error_type=record.error_type,
                error=record.error,
                step=STEP,
                source=source,
                position=position,
                payload=record.payload,
                failed_at=now,
            )
