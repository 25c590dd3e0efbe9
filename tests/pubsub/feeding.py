"""Publishes a log while a test goes on, and takes messages away from who reads it."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.publisher import TopicPublisher
from tests.background import Background
from tests.flink.cluster import poll
from tests.flink.logs import DAY_MS, Log, Record
from tests.pubsub.project import Project


def publish(project: Project, topic: str, records: Iterable[Record]) -> None:
    """Publish records and wait until they are taken in: the ordering key is the user, where there is one."""
    publisher = _publisher(project, topic)
    _send(publisher, records)
    publisher.close()


def ending(log: Log) -> Iterator[Record]:
    """The heartbeat that ends a log: event time a day on, the clock of the data where the log has it."""
    yield Record(0, None, log.path.read_bytes().splitlines()[-1], log.latest // 1000 + DAY_MS, 0)


def _publisher(project: Project, topic: str) -> TopicPublisher:
    return TopicPublisher(PubsubAddress.parse(project.url("topics", topic), "--to", reads=False))


def _send(publisher: TopicPublisher, records: Iterable[Record]) -> None:
    for record in records:
        key = "" if record.key is None else record.key.decode()
        publisher.send(record.value, key=key, attributes={"occurred_at": str(record.timestamp)})
    publisher.flush()


class Feeder(Background):
    """Publishes on a thread of its own, ``rate`` events a second, a ``batch`` at a time.

    Leaving the block waits for the end of the feed.
    """

    _has_end = True

    def __init__(self, project: Project, topic: str, records: Iterable[Record], rate: float, batch: int = 100) -> None:
        super().__init__()
        self.fed = 0
        self._publisher = _publisher(project, topic)
        self._records, self._rate, self._batch = iter(records), rate, batch

    def wait_for(self, events: float, seconds: float = 120) -> None:
        """Wait until so many events were published."""
        poll(f"{events:.0f} events to be fed", lambda: True if self._is_past(events) else None, seconds, 0.01)

    def _is_past(self, events: float) -> bool:
        self.check()
        return self.fed >= events

    def _work(self) -> None:
        started = time.monotonic()
        while not self._stop.is_set() and (batch := list(islice(self._records, self._batch))):
            _send(self._publisher, batch)
            self.fed += sum(record.events for record in batch)
            self._stop.wait(max(0.0, started + self.fed / self._rate - time.monotonic()))
        self._publisher.close()


class Thief(Background):
    """Takes messages of a subscription: gives half of them back at once, and lets the lease of the others run out.

    No message is kept twice: it is missing for one lease at most.
    """

    def __init__(self, project: Project, subscription: str, most: int = 100) -> None:
        super().__init__()
        self.given_back = 0
        self._kept: set[str] = set()
        self._path = project.path("subscriptions", subscription)
        self._client = project.subscriber
        self._most = most

    @property
    def kept(self) -> int:
        """Of how many messages the lease was left to run out."""
        return len(self._kept)

    def _work(self) -> None:
        while not self._stop.wait(0.2):
            request = {"subscription": self._path, "max_messages": self._most, "return_immediately": True}
            back = []
            for number, each in enumerate(self._client.pull(request=request).received_messages):
                if number % 2 or each.message.message_id in self._kept:
                    back.append(each.ack_id)
                else:
                    self._kept.add(each.message.message_id)
            if back:
                self._client.modify_ack_deadline(subscription=self._path, ack_ids=back, ack_deadline_seconds=0)
            self.given_back += len(back)
