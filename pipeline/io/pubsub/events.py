"""Events into a topic of Pub/Sub: event time is an attribute, and the user the ordering key of a message of its own."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pipeline.io.pubsub.address import DEFAULT_TIMESTAMP_ATTRIBUTE, PubsubAddress
from pipeline.io.pubsub.publisher import MAX_DATA_BYTES, TopicPublisher

_TYPE: Final = "content-type"
_LINE: Final = "application/json"
_LINES: Final = "application/x-ndjson"
#: An ordering key has so many bytes at most; a character takes up to four.
_KEY_BYTES: Final = 1_024
_UTF8_BYTES: Final = 4


@dataclass(frozen=True)
class PubsubTopic:
    """A topic that is there (an `EventTopic`)."""

    address: PubsubAddress
    partitions: int = 1
    max_bytes: int = MAX_DATA_BYTES

    def sender(self) -> "PubsubEvents":
        """Begin to write.

        Raises:
            PubsubError: the environment has no credentials.
        """
        return PubsubEvents(TopicPublisher(self.address))


class PubsubEvents:
    """Sends messages (an `EventSender`)."""

    def __init__(self, publisher: TopicPublisher) -> None:
        self._publisher = publisher
        self.check = publisher.check
        self.flush = publisher.flush
        self.close = publisher.close

    def send(self, value: bytes, user_id: str | None, _partition: int, time: int, /) -> None:
        """Send a message; ``time`` is its event time, ms.

        Raises:
            PubsubError: this message can't be sent, or one before it was not.
        """
        lines = _LINES if b"\n" in value else _LINE
        attributes = {DEFAULT_TIMESTAMP_ATTRIBUTE: str(time), _TYPE: lines}
        key = "" if user_id is None else user_id
        if len(key) > _KEY_BYTES // _UTF8_BYTES:
            key = _short(key)
        self._publisher.send(value, key=key, attributes=attributes)


def _short(key: str) -> str:
    """What stands for a key that Pub/Sub doesn't take."""
    encoded = key.encode()
    return key if len(encoded) <= _KEY_BYTES else sha256(encoded).hexdigest()
