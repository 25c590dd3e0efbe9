"""Chunks of event logs to batches of events, and dead letters for what is no event."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import apache_beam as beam
from apache_beam.metrics import Metrics

from schemas.types import DeadLetter
from transforms.decoding.event_decoder import EventDecoder
from transforms.decoding.reasons import DeadLetterReason
from transforms.event_batch import EventBatch
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import RawChunk

EVENTS: Final = "events"
DEAD_LETTERS: Final = "dead_letters"
STEP = "DecodeEvents"
NAMESPACE = "segments"


class DecodeEvents(beam.PTransform[beam.PCollection[RawChunk], beam.pvalue.DoOutputsTuple]):
    """Chunks of a log become events.

    Outputs: ``events`` of `EventBatch`, none of them empty, and ``dead_letters`` of `DeadLetter`.

    Counters in `NAMESPACE`: ``read`` records, ``dead_letter.<reason>``; what isn't a dead letter is in a batch.
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

    def expand(self, chunks: beam.PCollection[RawChunk]) -> Any:  # Beam knows no hint for several outputs
        """Apply the transform."""
        decode = beam.ParDo(_DecodeFn(self._properties, self._mapping, self._now))
        outputs = chunks | "Decode" >> decode.with_outputs(DEAD_LETTERS, main=EVENTS)
        outputs[EVENTS].element_type = EventBatch
        outputs[DEAD_LETTERS].element_type = DeadLetter
        return outputs


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

    def process(
        self, element: RawChunk
    ) -> Iterator[EventBatch | beam.pvalue.TaggedOutput[Literal["dead_letters"], DeadLetter]]:
        now = self._now if isinstance(self._now, int) else self._now()
        decoded = self._decoder.decode(element, now)
        self._read.inc(decoded.read)
        if decoded.frame.height:
            yield EventBatch(decoded.frame)
        places = element.places([record.position for record in decoded.bad]) if decoded.bad else []
        for record, (source, position) in zip(decoded.bad, places, strict=True):
            self._refused[record.reason].inc()
            letter = DeadLetter(
                reason=record.reason.value,
                error_type=record.error_type,
                error=record.error,
                step=STEP,
                source=source,
                position=position,
                payload=record.payload,
                failed_at=now,
            )
            yield beam.pvalue.TaggedOutput(DEAD_LETTERS, letter)
