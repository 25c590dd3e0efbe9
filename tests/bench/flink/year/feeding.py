"""Sends the records of a plan: as fast as the job takes them, or as their time comes."""

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from confluent_kafka import KafkaError, Message, Producer

from tests.background import Background
from tests.bench.flink.topics import PARTITIONS
from tests.bench.flink.year.records import Sending

MICROS: Final = 1_000_000
#: Seconds between two looks at how far the job is, while the feed waits for it.
_LOOK: Final = 0.5
#: Events between two looks, at most.
_STEP: Final = 20_000


class Sent:
    """What was sent so far, by place in the topic."""

    def __init__(self) -> None:
        """Nothing was."""
        self._events = [array("q") for _ in range(PARTITIONS)]
        self._times = [array("q") for _ in range(PARTITIONS)]
        self.events = 0

    def add(self, sending: Sending) -> None:
        """The next record of its partition."""
        events, times = self._events[sending.partition], self._times[sending.partition]
        events.append((events[-1] if events else 0) + sending.events)
        times.append(max(times[-1] if times else 0, sending.time))
        self.events += sending.events

    def events_before(self, positions: Sequence[int]) -> int:
        """Events in the records before a position in each partition; repeats count."""
        return sum(events[at - 1] for events, at in self._found(self._events, positions))

    def time_before(self, positions: Sequence[int]) -> int | None:
        """The event time (µs) that these records bring: the least of all partitions; None where one brought none."""
        found = [times[at - 1] for times, at in self._found(self._times, positions)]
        return min(found) if len(found) == PARTITIONS else None

    @staticmethod
    def _found(columns: list["array[int]"], positions: Sequence[int]) -> list[tuple["array[int]", int]]:
        pairs = zip(columns, positions, strict=True)
        return [(column, min(at, len(column))) for column, at in pairs if column and at > 0]


class Feeder(Background):
    """A producer on a thread of its own; leaving the block stops it where it is.

    It outlives a broker that is away for a while.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        records: Iterable[Sending],
        sent: Sent,
        *,
        done: Callable[[], int] | None = None,
        ahead: int = 0,
        noted: "np.ndarray[tuple[int], np.dtype[np.float64]] | None" = None,
    ) -> None:
        """
        Args:
            servers: brokers.
            topic: where all goes.
            records: in the order in which they go.
            sent: is kept up to date.
            done: how many events the job has behind it, asked now and then; without it each record waits until its
                arrival, by the clock of this machine.
            ahead: events that the feed may be ahead of ``done``; 0: as many as it likes.
            noted: gets the time (seconds of the epoch) at which each event was first sent, by its number.
        """
        super().__init__()
        self.over = False
        self._topic, self._records, self._sent = topic, records, sent
        self._done, self._ahead, self._noted = done, ahead, noted
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "linger.ms": 5 if done is None else 50,
                "compression.type": "lz4",
                "message.timeout.ms": 120_000,
                "queue.buffering.max.kbytes": 64 << 10,
                "log_level": 3,
            }
        )

    def _work(self) -> None:
        looked = self._sent.events
        for sending in self._records:
            if self._done is None:
                self._stop.wait(max(sending.arrival / MICROS - time.time(), 0))
            elif self._ahead and self._sent.events - looked >= _STEP:
                looked = self._sent.events
                self._wait_for_job(self._done)
            if self._stop.is_set():
                return
            self._produce(sending)
        left = self._producer.flush(150)
        if left or self._failures:
            raise ConnectionError(f"{left} records were not delivered: {self._failures[:3]}")
        self.over = True

    def _wait_for_job(self, done: Callable[[], int]) -> None:
        while self._sent.events - done() > self._ahead and not self._stop.wait(_LOOK):
            self._producer.poll(0)

    def _produce(self, sending: Sending) -> None:
        while not self._stop.is_set():
            try:
                self._producer.produce(
                    self._topic,
                    sending.value,
                    partition=sending.partition,
                    timestamp=sending.time // 1000,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._note(sending)
                self._producer.poll(0)
                return

    def _note(self, sending: Sending) -> None:
        self._sent.add(sending)
        if self._noted is not None:
            fresh = sending.numbers[np.isnan(self._noted[sending.numbers])]
            self._noted[fresh] = time.time()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(str(error))
