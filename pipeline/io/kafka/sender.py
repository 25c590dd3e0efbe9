"""What sends a run's records to a topic of Kafka."""

from functools import cache
from typing import Final

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import max_message_bytes, requests_in_flight
from pipeline.io.kafka.producer import Headers, TopicProducer
from pipeline.io.outputs import Output
from pipeline.io.topics.sender import CONTENT_TYPE
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

    def send(self, output: Output, value: bytes, message_id: str, subject: str, time: int) -> None:  # noqa: ARG002
        """See `Sender.send`; the id is in the message itself."""
        if subject:
            timestamp = time // MILLISECOND
            self._producer.send(value, key=subject.encode(), timestamp=timestamp, headers=_headers(output))
        else:
            self._producer.send(value, headers=_headers(output))

    def check(self) -> None:
        """See `Sender.check`: librdkafka sends by itself."""

    def flush(self) -> None:
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


@cache
def _headers(output: Output) -> Headers:
    return [("content-type", CONTENT_TYPE.encode()), ("schema", output.schema_name.encode())]
