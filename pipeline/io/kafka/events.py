"""Events into a topic of Kafka, and how it is made where there is none.

A topic made here keeps its records for good and takes them with any time. Kafka's defaults are for records that are
made now: it deletes them seven days after *their own* time, so that a log of last month would vanish within minutes,
and (from 4.0 on) refuses times more than an hour ahead of its clock. A topic that exists stays as it is.
"""

from dataclasses import dataclass
from typing import Final

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import count_partitions, ensure_topic, max_message_bytes
from pipeline.io.kafka.producer import TopicProducer
from pipeline.options.errors import OptionError
from transforms.raw_chunk import MAX_RECORD_BYTES

DEFAULT_PARTITIONS: Final = 3

#: Room for the longest line that is taken in, and for what Kafka adds.
_MAX_BYTES: Final = MAX_RECORD_BYTES + (1 << 20)
#: Beyond what every topic made here has.
_SETTINGS: Final = {"max.message.bytes": str(_MAX_BYTES), "message.timestamp.before.max.ms": str(2**63 - 1)}
#: Room that Kafka's own fields take in a record.
_OVERHEAD: Final = 1 << 10


@dataclass(frozen=True)
class KafkaTopic:
    """A topic that is there (an `EventTopic`)."""

    address: KafkaAddress
    partitions: int
    max_record_bytes: int  #: with all that belongs to a record

    @property
    def max_bytes(self) -> int:
        """Of the value of a record, at most, in batches."""
        return self.max_record_bytes - _OVERHEAD

    def sender(self) -> "KafkaEvents":
        """Begin to write.

        Raises:
            AddressError: the environment lacks what the address needs.
        """
        return KafkaEvents(TopicProducer(self.address, self.max_record_bytes))


class KafkaEvents:
    """Sends records (an `EventSender`); a user's events go to the partition that its key belongs to."""

    def __init__(self, producer: TopicProducer) -> None:
        self._producer = producer
        self.check = producer.check
        self.flush = producer.flush
        self.close = producer.close

    def send(self, value: bytes, user_id: str | None, partition: int, time: int, /) -> None:
        """Send a record; ``time`` is its event time, ms.

        Raises:
            BrokerError: this record can't be sent, or one before it was refused.
        """
        self._producer.send(value, key=user_id, partition=partition, timestamp=time)


def made_topic(address: KafkaAddress, partitions: int | None = None) -> KafkaTopic:
    """The topic; made, with so many partitions, where there is none.

    Raises:
        AddressError, BrokerError: no broker answers in time, or it refuses.
        OptionError: the topic exists with another number of partitions than asked for.
    """
    wanted = DEFAULT_PARTITIONS if partitions is None else partitions
    if ensure_topic(address, wanted, _SETTINGS):
        return KafkaTopic(address, wanted, _MAX_BYTES)
    topic = existing_topic(address)
    if partitions not in (None, topic.partitions):
        raise OptionError(f"--partitions: {address.url} exists and has {topic.partitions}, not {partitions}")
    return topic


def existing_topic(address: KafkaAddress) -> KafkaTopic:
    """The topic, which has to be there.

    Raises:
        AddressError, BrokerError: there is no such topic, or no broker answers in time.
    """
    return KafkaTopic(address, count_partitions(address), max_message_bytes(address))
