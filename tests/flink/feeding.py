"""Produces records into a topic, as fast as it goes or at a pace, while the test goes on."""

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from tests.flink.cluster import poll
from tests.flink.logs import Record

#: Records between two looks at the clock.
_STEP = 20


class Feeder:
    """A producer on a thread of its own; ``rate`` is events a second, None for full speed.

    Partitions and times are the records' own. It outlives a broker that is away for a while: nothing is lost, doubled
    or reordered. Leaving the block waits for the end of the feed.
    """

    def __init__(self, servers: str, topic: str, records: Iterable[Record], rate: float | None = None) -> None:
        self.fed = 0
        self._topic = topic
        self._records = records
        self._rate = rate
        self._failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed, name=f"feed {topic}", daemon=True)
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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop.set()
        self._thread.join(300)
        if kind is None:
            assert not self._thread.is_alive(), "the feed does not end"
            assert not self._failures, self._failures[:3]

    def wait_for(self, events: float, seconds: float = 60) -> None:
        """Wait until so many events were produced."""
        poll(f"{events:.0f} events to be fed", lambda: True if self.fed >= events else None, seconds, 0.01)

    def _feed(self) -> None:
        started = time.monotonic()
        for number, record in enumerate(self._records):
            if number % _STEP == 0 and self._rate is not None:
                self._stop.wait(max(started + self.fed / self._rate - time.monotonic(), 0))
            if self._stop.is_set():
                return
            self._produce(record)
            self.fed += record.events
        left = self._producer.flush(150)
        if left:
            self._failures.append(f"{left} records were not delivered")

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
