"""Pub/Sub's topics as sinks: events in CloudEvents' binary mode, ordered by subject."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import apache_beam as beam

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.clients import PubsubError
from pipeline.io.pubsub.publisher import MAX_DATA_BYTES, TopicPublisher
from pipeline.io.topics.sinks import CONTENT_TYPE, MessageKind, SendAudit, SendChanges, SendDeadLetters, Sender
from schemas.instants import instant_text

#: CloudEvents' version; attributes are named as its binding for Pub/Sub has it:
#: https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md
_VERSION: Final = "1.0"


class PubsubSender:
    """Ordering key ``subject_id``; letters have none."""

    max_bytes = MAX_DATA_BYTES

    def __init__(self, address: PubsubAddress) -> None:
        """Connects at the first message.

        Raises:
            PubsubError: the environment has no credentials.
        """
        self._address = address
        self._publisher = TopicPublisher(address)
        self._source = f"//pubsub.googleapis.com/{address.path}"

    def send(self, kind: MessageKind, value: bytes, message_id: str, subject: str, time: int) -> None:
        """See `Sender.send`."""
        if len(value) > self.max_bytes:
            what = f"{kind.schema} {message_id} has {len(value):,} bytes, and a message at most {self.max_bytes:,}"
            raise PubsubError(f"{self._address.option}: {self._address.url}: {what}")
        attributes = {
            "ce-specversion": _VERSION,
            "ce-id": message_id,
            "ce-source": self._source,
            "ce-type": kind.schema,
            "ce-time": instant_text(time),
            "content-type": CONTENT_TYPE,
            "schema": kind.schema,
            "schema-fingerprint": kind.fingerprint,
        }
        if subject:
            attributes["ce-subject"] = subject
        self._publisher.send(value, key=subject, attributes=attributes)

    def check(self) -> None:
        """See `Sender.check`."""
        self._publisher.check()

    def flush(self) -> None:
        """See `Sender.flush`."""
        self._publisher.flush()

    def close(self) -> None:
        """See `Sender.close`."""
        self._publisher.close()


class _WriteToPubsub(beam.PTransform[Any, Any]):
    step: Callable[[Callable[[], Sender]], beam.DoFn]

    def __init__(self, address: PubsubAddress) -> None:
        super().__init__()
        self._address = address

    def expand(self, elements: beam.PCollection[Any]) -> Any:
        """Apply the transform."""
        return elements | "Send" >> beam.ParDo(self.step(partial(PubsubSender, self._address)))


class WriteChangesToPubsub(_WriteToPubsub):
    """Frames of changes (as bytes) to a topic, a message for each."""

    step = SendChanges


class WriteDeadLettersToPubsub(_WriteToPubsub):
    """`DeadLetter` to a topic; one that is larger than a message can be is cut, and its error says so."""

    step = SendDeadLetters


class WriteAuditToPubsub(_WriteToPubsub):
    """Frames of audit records (as bytes) to a topic, a message for each."""

    step = SendAudit
