"""The messages of a topic of Kafka, all partitions, as they come. No consumer group's positions move."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import ANSWER_SECONDS, BrokerError, consumer_config, count_partitions, passing_errors
from pipeline.io.topics.reader import TopicMessage

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

_AT_ONCE: Final = 2_000


class KafkaReader:
    """A `TopicReader` that begins where the address says (its ``start``); in a partition, messages come in their order.

    A broker that is away for a while costs nothing: reading goes on where it was.
    """

    def __init__(self, address: KafkaAddress) -> None:
        """Begin to read.

        Raises:
            AddressError, BrokerError: there is no such topic, or no broker answers in time.
        """
        from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, TopicPartition

        self._address = address
        partitions = count_partitions(address)
        settings = {"enable.partition.eof": True, "fetch.wait.max.ms": 100}
        self._consumer = Consumer({**consumer_config(address), **settings})
        start = OFFSET_BEGINNING if address.start == "earliest" else OFFSET_END
        self._places = [TopicPartition(address.topic, partition) for partition in range(partitions)]
        #: Partition → the offset of its end, as far as it has been read up to there.
        self._ends: dict[int, int] = {}
        self._consumer.assign([TopicPartition(address.topic, partition, start) for partition in range(partitions)])

    def take(self, seconds: float) -> list[TopicMessage]:
        """The messages that come within so many seconds; returns as soon as there are some.

        Raises:
            BrokerError: the topic can't be read any further.
        """
        from confluent_kafka import KafkaError

        found = self._consumer.consume(1, seconds)
        found += self._consumer.consume(_AT_ONCE, 0) if found else []
        messages: list[TopicMessage] = []
        for message in found:
            error = message.error()
            partition, offset = message.partition(), message.offset()
            if error is None:
                messages.append(TopicMessage(f"partition {partition}, offset {offset}", message.value()))
            elif error.code() == KafkaError._PARTITION_EOF and partition is not None and offset is not None:
                self._ends[partition] = offset
            elif not error.retriable() and error.code() not in passing_errors():
                raise self._error(error)
        return messages

    def done(self, messages: Sequence[TopicMessage]) -> None:
        """Nothing to do: reading has no group, and so no positions to keep."""

    def is_at_end(self) -> bool:
        """Whether everything has been read that is in the topic now.

        Raises:
            BrokerError: no broker answers in time.
        """
        from confluent_kafka import KafkaException

        for place in self._places:
            try:
                _, end = self._consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
            except KafkaException as error:
                raise self._error(error.args[0]) from error
            if self._ends.get(place.partition, -1) < end:
                return False
        return True

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()

    def _error(self, error: "KafkaError") -> BrokerError:
        return BrokerError(f"{self._address.option}: {self._address.url}: can't be read: {error.str()}")
