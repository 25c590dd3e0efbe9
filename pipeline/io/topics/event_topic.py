"""The topic that events go to: what may be asked of it, and what a writer needs of it, whichever system keeps it."""

from dataclasses import dataclass
from typing import Final, Protocol

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.topics.address import Topic
from pipeline.options.errors import OptionError

MAX_PARTITIONS: Final = 1_000
MAX_BATCH: Final = 10_000


@dataclass(frozen=True)
class TopicOptions:
    """How events are put into a topic, validated on construction.

    Raises:
        OptionError: a number is outside its range.
    """

    #: Events that one record holds at most; with more than one, each on a line of its own.
    batch: int = 1
    #: Partitions of a topic that has to be made; None: the usual number, and no matter what a topic has.
    partitions: int | None = None
    #: Whether heartbeats follow at the end, so that the last tick settles.
    finish: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MAX_BATCH:
            raise OptionError(f"--batch: expected 1 to {MAX_BATCH}, found {self.batch}")
        if self.partitions is not None and not 1 <= self.partitions <= MAX_PARTITIONS:
            raise OptionError(f"--partitions: expected 1 to {MAX_PARTITIONS}, found {self.partitions}")

    def check(self, to: Topic) -> None:
        """Checks that what is asked for can be had in such a topic.

        Raises:
            OptionError: it can't.
        """
        if self.partitions is not None and not isinstance(to, KafkaAddress):
            raise OptionError(f"--partitions: a topic of Pub/Sub such as {to.url} has none; leave the option out")


class EventSender(Protocol):
    """Sends the records of one writer."""

    def send(self, value: bytes, user_id: str | None, partition: int, time: int, /) -> None:
        """Send a record; ``time`` is its event time, ms. Waits while the buffer is full.

        Raises:
            TopicError: this record can't be sent, or one before it was refused.
        """

    def check(self) -> None:
        """Look at the answers that have come.

        Raises:
            TopicError: a record was refused.
        """

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged.

        Raises:
            TopicError: a record was refused, or not acknowledged in time.
        """

    def close(self, seconds: float) -> None:
        """Give up what is not acknowledged within so many seconds."""


class EventTopic(Protocol):
    """A topic that is there."""

    @property
    def partitions(self) -> int:
        """How many a writer has to tell apart; 1 where a topic has none."""

    @property
    def max_bytes(self) -> int:
        """Of the value of a record, at most, in batches."""

    def sender(self) -> EventSender:
        """Begin to write.

        Raises:
            AddressError, TopicError: the environment lacks what a client needs.
        """


def open_event_topic(address: Topic, partitions: int | None = None) -> EventTopic:
    """The topic; made, with so many partitions, where there is none and it may be made.

    Raises:
        AddressError, TopicError: nobody answers in time, or the request is refused.
        OptionError: the topic exists with another number of partitions than asked for.
    """
    # The clients take a while to import, and nobody needs both.
    if isinstance(address, KafkaAddress):
        from pipeline.io.kafka.events import open_kafka_topic

        return open_kafka_topic(address, partitions)
    from pipeline.io.pubsub.events import open_pubsub_topic

    return open_pubsub_topic(address)


def existing_topic(address: Topic) -> EventTopic:
    """The topic, which has to be there.

    Raises:
        AddressError, TopicError: there is no such topic, or nobody answers in time.
    """
    if isinstance(address, KafkaAddress):
        from pipeline.io.kafka.events import existing_kafka_topic

        return existing_kafka_topic(address)
    from pipeline.io.pubsub.events import existing_pubsub_topic

    return existing_pubsub_topic(address)
