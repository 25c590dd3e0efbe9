"""Kafka's topics as sinks."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

import apache_beam as beam

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import max_message_bytes, requests_in_flight
from pipeline.io.kafka.producer import Headers, TopicProducer
from pipeline.io.topics.sinks import CONTENT_TYPE, MessageKind, SendAudit, SendChanges, SendDeadLetters, Sender
from segmentation.units import MILLISECOND

#: Bytes of a batch that are no value: its own header, the record's, and the headers of each record.
_OVERHEAD: Final = 1_024


class KafkaSender:
    """Key ``subject_id``, the record's time that of what happened; letters have neither key nor time.

    A letter's record has the time of its sending: an old log is no reason for the broker to delete what it led to.
    """

    def __init__(self, address: KafkaAddress) -> None:
        """Asks how large a record of the topic may be, and who leads its partitions.

        Raises:
            AddressError, BrokerError: there is no such topic, or no broker answers in time.
        """
        most = max_message_bytes(address)
        self.max_bytes = most - _OVERHEAD
        self._producer = TopicProducer(address, most, requests_in_flight(address))

    def send(self, kind: MessageKind, value: bytes, message_id: str, subject: str, time: int) -> None:  # noqa: ARG002
        """See `Sender.send`; the id is in the message itself."""
        if subject:
            timestamp = time // MILLISECOND
            self._producer.send(value, key=subject.encode(), timestamp=timestamp, headers=_headers(kind))
        else:
            self._producer.send(value, headers=_headers(kind))

    def check(self) -> None:
        """See `Sender.check`: librdkafka sends by itself."""

    def flush(self) -> None:
        """See `Sender.flush`."""
        self._producer.flush()

    def close(self) -> None:
        """See `Sender.close`."""
        self._producer.close()


@cache
def _headers(kind: MessageKind) -> Headers:
    return [("content-type", CONTENT_TYPE.encode()), ("schema", kind.schema.encode())]


class _WriteToKafka(beam.PTransform[Any, Any]):
    step: Callable[[Callable[[], Sender]], beam.DoFn]

    def __init__(self, address: KafkaAddress) -> None:
        super().__init__()
        self._address = address

    def expand(self, elements: beam.PCollection[Any]) -> Any:
        """Apply the transform."""
        return elements | "Send" >> beam.ParDo(self.step(partial(KafkaSender, self._address)))


class WriteChangesToKafka(_WriteToKafka):
    """Frames of changes (as bytes) to a topic, a record for each."""

    step = SendChanges


class WriteDeadLettersToKafka(_WriteToKafka):
    """`DeadLetter` to a topic; one that is larger than the topic takes is cut, and its error says so."""

    step = SendDeadLetters


class WriteAuditToKafka(_WriteToKafka):
    """Frames of audit records (as bytes) to a topic, a record for each."""

    step = SendAudit
