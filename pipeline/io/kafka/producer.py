"""Records into one topic: sent in the background, and every one of them acknowledged or reported."""

from typing import TYPE_CHECKING, Final

from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import DEFAULT_MESSAGE_BYTES, BrokerError, broker_error, producer_config

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

Headers = list[tuple[str, str | bytes | None]]

#: librdkafka's word for it.
ANY_PARTITION: Final = -1
#: Seconds between looks at what the broker has answered.
_POLL_SECONDS: Final = 0.5


class TopicProducer:
    """An idempotent producer for one topic; keep it, because it takes a while to find its brokers.

    `send` only puts into a buffer; after `flush` all that was sent is acknowledged.
    """

    def __init__(self, address: KafkaAddress, max_bytes: int = DEFAULT_MESSAGE_BYTES, in_flight: int = 1) -> None:
        """``max_bytes`` is the most that the topic takes; for ``in_flight`` see `requests_in_flight`.

        Raises:
            AddressError: the environment lacks what the address needs.
        """
        from confluent_kafka import KafkaException, Producer

        self._exception: type[Exception] = KafkaException
        self._address = address
        self._failed: list[BrokerError] = []
        settings = {
            "message.max.bytes": max_bytes,
            "max.in.flight": in_flight,
            "delivery.report.only.error": True,
            "on_delivery": self._report,
        }
        self._producer = Producer({**producer_config(address), **settings})

    def send(
        self,
        value: bytes,
        *,
        key: str | bytes | None = None,
        partition: int = ANY_PARTITION,
        timestamp: int = 0,
        headers: Headers | None = None,
    ) -> None:
        """Send one record; ``timestamp`` in ms, 0 for now. Waits while the buffer is full.

        Without a ``partition`` the key decides.

        Raises:
            BrokerError: this record can't be sent, or one before it was not.
        """
        while True:
            try:
                self._producer.produce(
                    self._address.topic, value, key, partition, timestamp=timestamp, headers=headers or []
                )
                return
            except BufferError:
                # What times out leaves the buffer too, so this ends.
                self._producer.poll(_POLL_SECONDS)
                self._raise_failed()
            except self._exception as error:
                raise broker_error(self._address, error.args[0]) from error

    def flush(self) -> None:
        """Wait for the acknowledgement of all that was sent.

        Raises:
            BrokerError: at least one record was not acknowledged in time, or was refused.
        """
        while self._producer.flush(_POLL_SECONDS):
            self._raise_failed()
        self._raise_failed()

    def check(self) -> None:
        """Look at the answers that have come.

        Raises:
            BrokerError: a record was not acknowledged in time, or was refused.
        """
        self._producer.poll(0)
        self._raise_failed()

    def close(self, seconds: float = 0.0) -> None:
        """Give up what is not acknowledged within so many seconds."""
        if seconds:
            self._producer.flush(seconds)
        self._producer.purge()
        self._producer.flush(_POLL_SECONDS)

    def _report(self, error: "KafkaError | None", _message: "Message") -> None:
        if error is not None:
            self._failed.append(broker_error(self._address, error))

    def _raise_failed(self) -> None:
        if self._failed:
            failed, self._failed = self._failed, []
            raise failed[0]
