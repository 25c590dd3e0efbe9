"""Topics as sinks: messages in Avro single-object encoding, all acknowledged before a bundle counts as done."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import apache_beam as beam

from pipeline.clock import wall_clock
from pipeline.io.kafka_address import KafkaAddress
from pipeline.io.kafka_clients import max_message_bytes
from pipeline.io.kafka_producer import Headers, TopicProducer
from schemas.audit_frame import audit_records
from schemas.change_messages import encode_changes
from schemas.codec import encode_single_object
from schemas.records import to_record
from schemas.types import DeadLetter
from segmentation.frames import decode_frames
from segmentation.units import MILLISECOND

_CONTENT: Final[tuple[str, bytes]] = ("content-type", b"avro/binary")
_CHANGE: Final[Headers] = [_CONTENT, ("schema", b"segments.v1.SegmentChange")]
_LETTER: Final[Headers] = [_CONTENT, ("schema", b"segments.v1.DeadLetter")]
_AUDIT: Final[Headers] = [_CONTENT, ("schema", b"segments.v1.AuditRecord")]
#: Bytes of a batch that are no value: its own header, the record's, and the headers above.
_OVERHEAD: Final = 1_024


class WriteChangesToKafka(beam.PTransform[Any, Any]):
    """Frames of changes (as bytes) to a topic, a message for each: key ``subject_id``, time ``effective_at``.

    ``emitted_at`` is the wall clock here. A bundle fails where a message is not acknowledged, and is then repeated as a
    whole: its messages may come twice.
    """

    def __init__(self, address: KafkaAddress) -> None:
        super().__init__()
        self._address = address

    def expand(self, frames: beam.PCollection[Any]) -> Any:
        """Apply the transform."""
        return frames | "Send" >> beam.ParDo(_SendChanges(self._address))


class WriteDeadLettersToKafka(beam.PTransform[Any, Any]):
    """`DeadLetter` to a topic, without keys.

    The payload of a letter that is larger than the topic takes is cut, and its error says so.
    """

    def __init__(self, address: KafkaAddress) -> None:
        super().__init__()
        self._address = address

    def expand(self, letters: beam.PCollection[Any]) -> Any:
        """Apply the transform."""
        return letters | "Send" >> beam.ParDo(_SendDeadLetters(self._address))


class WriteAuditToKafka(beam.PTransform[Any, Any]):
    """Frames of audit records (as bytes) to a topic, a message for each: key ``subject_id``, time ``counted_at``.

    ``emitted_at`` is the wall clock here. Messages may come twice, as those of `WriteChangesToKafka`.
    """

    def __init__(self, address: KafkaAddress) -> None:
        super().__init__()
        self._address = address

    def expand(self, frames: beam.PCollection[Any]) -> Any:
        """Apply the transform."""
        return frames | "Send" >> beam.ParDo(_SendAudit(self._address))


class _Send(beam.DoFn):
    """Keeps a producer for as long as the worker keeps the step."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address

    def setup(self) -> None:
        self._max_bytes = max_message_bytes(self._address)
        self._producer = TopicProducer(self._address, self._max_bytes)

    def finish_bundle(self) -> None:
        self._producer.flush()

    def teardown(self) -> None:
        if hasattr(self, "_producer"):
            self._producer.close()


class _SendChanges(_Send):
    def process(self, frames: bytes) -> None:
        changes = decode_frames(frames)[1]["changes"]
        messages = encode_changes(changes, wall_clock())
        subjects, times = changes["subject_id"].to_list(), changes["effective_at"].to_list()
        for message, subject, time in zip(messages, subjects, times, strict=True):
            self._producer.send(message, key=subject.encode(), timestamp=time // MILLISECOND, headers=_CHANGE)


class _SendDeadLetters(_Send):
    def process(self, letter: DeadLetter) -> None:
        self._producer.send(encode_letter(letter, self._max_bytes - _OVERHEAD), headers=_LETTER)


class _SendAudit(_Send):
    def process(self, frames: bytes) -> None:
        for record in audit_records(decode_frames(frames)[1]["audit"], wall_clock()):
            message = encode_single_object("audit_record", record)
            key, time = record["subject_id"].encode(), record["counted_at"] // MILLISECOND
            self._producer.send(message, key=key, timestamp=time, headers=_AUDIT)


def encode_letter(letter: DeadLetter, max_bytes: int) -> bytes:
    """The message of a letter; where it has more than ``max_bytes``, with the beginning of the payload only."""
    message = _encode(letter)
    excess = len(message) - max_bytes
    if excess <= 0:
        return message
    size = len(letter.payload)
    note = f"; the payload is its first {{}} of {size} bytes: the topic takes no more"
    kept = max(0, size - excess - len(note) - len(str(size)))
    return _encode(dataclasses.replace(letter, error=letter.error + note.format(kept), payload=letter.payload[:kept]))


def _encode(letter: DeadLetter) -> bytes:
    record: Mapping[str, Any] = to_record(letter)
    return encode_single_object("dead_letter", record)
