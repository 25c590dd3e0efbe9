"""The topic that events go to: what may be asked of it, and how it is made where there is none.

A topic made here keeps its records for good and takes them with any time. Kafka's defaults are for records that are
made now: it deletes them seven days after *their own* time, so that a log of last month would vanish within minutes,
and (from 4.0 on) refuses times more than an hour ahead of its clock. A topic that exists stays as it is.
"""

from dataclasses import dataclass
from typing import Final

from pipeline.io.kafka_address import KafkaAddress
from pipeline.io.kafka_clients import count_partitions, ensure_topic, max_message_bytes
from pipeline.option_error import OptionError
from transforms.raw_chunk import MAX_RECORD_BYTES

DEFAULT_PARTITIONS: Final = 3
MAX_PARTITIONS: Final = 1_000
MAX_BATCH: Final = 10_000

_FOR_EVER: Final = str(2**63 - 1)
#: Room for the longest line that is taken in, and for what Kafka adds.
_MAX_BYTES: Final = MAX_RECORD_BYTES + (1 << 20)
_SETTINGS: Final = {
    "max.message.bytes": str(_MAX_BYTES),
    "message.timestamp.after.max.ms": _FOR_EVER,
    "message.timestamp.before.max.ms": _FOR_EVER,
    "message.timestamp.type": "CreateTime",
    "retention.ms": "-1",
}


@dataclass(frozen=True)
class TopicOptions:
    """How events are put into a topic, validated on construction.

    Raises:
        OptionError: a number is outside its range.
    """

    #: Events that one record holds at most; with more than one, each on a line of its own.
    batch: int = 1
    #: Partitions of a topic that has to be made; None: `DEFAULT_PARTITIONS`, and no matter what a topic has.
    partitions: int | None = None
    #: Whether heartbeats follow at the end, so that the last tick settles.
    finish: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MAX_BATCH:
            raise OptionError(f"--batch: expected 1 to {MAX_BATCH}, found {self.batch}")
        if self.partitions is not None and not 1 <= self.partitions <= MAX_PARTITIONS:
            raise OptionError(f"--partitions: expected 1 to {MAX_PARTITIONS}, found {self.partitions}")


@dataclass(frozen=True)
class EventTopic:
    """A topic that is there."""

    address: KafkaAddress
    partitions: int
    max_bytes: int  #: of a record


def open_event_topic(address: KafkaAddress, partitions: int | None = None) -> EventTopic:
    """The topic; made, with so many partitions, where there is none.

    Raises:
        AddressError, BrokerError: no broker answers in time, or it refuses.
        OptionError: the topic exists with another number of partitions than asked for.
    """
    wanted = DEFAULT_PARTITIONS if partitions is None else partitions
    if ensure_topic(address, wanted, _SETTINGS):
        return EventTopic(address, wanted, _MAX_BYTES)
    topic = existing_topic(address)
    if partitions not in (None, topic.partitions):
        raise OptionError(f"--partitions: {address.url} exists and has {topic.partitions}, not {partitions}")
    return topic


def existing_topic(address: KafkaAddress) -> EventTopic:
    """The topic, which has to be there.

    Raises:
        AddressError, BrokerError: there is no such topic, or no broker answers in time.
    """
    return EventTopic(address, count_partitions(address), max_message_bytes(address))
