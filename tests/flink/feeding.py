"""Produces records into a topic, as fast as it goes or at a pace, while the test goes on."""

import time
from collections.abc import Iterable

from confluent_kafka import KafkaError, Message, Producer

from tests.background import Background
from tests.flink.cluster import poll
from tests.flink.logs import Record

#: Records between two looks at the clock.
_STEP = 20


class Feeder(Background):
    """A producer on a thread of its own; ``rate`` is events a second, None for full speed.

    Partitions and times are the records' own. It outlives a broker that is away for a while: nothing is lost, doubled
    or reordered. Leaving the block waits for the end of the feed.
    """

    _has_end = True

    def __init__(self, servers: str, topic: str, records: Iterable[Record], rate: float | None = None) -> None:
        super().__init__()
        self.fed = 0
        self._topic = topic
        self._records = records
        self._rate = rate
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.timeout.ms": 120_000,
                "queue.buffering.max.messages": 1_000_000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 3,
            }
        )

    def wait_for(self, events: float, seconds: float = 60) -> None:
        """Wait until so many events were produced."""
        poll(f"{events:.0f} events to be fed", lambda: True if self.fed >= events else None, seconds, 0.01)

    def _work(self) -> None:
        started = time.monotonic()
        for number, record in enumerate(self._records):
            if number % _STEP == 0 and self._rate is not None:
                self._stop.wait(max(started + self.fed / self._rate - time.monotonic(), 0))
            if self._stop.is_set():
                return
            self._produce(record)
            self.fed += record.events
        left = self._producer.flush(150)
        assert not left, f"{left} records were not delivered"
        assert not self._failures, self._failures[:3]

    def _produce(self, record: Record) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    record.value,
                    record.key,
                    record.partition,
                    timestamp=record.timestamp,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(str(error))


def feed(servers: str, topic: str, records: Iterable[Record], rate: float | None = None) -> None:
    """Feed all of it and return when the broker has it."""
    with Feeder(servers, topic, records, rate):
        pass
