"""Reads a topic of changes from its beginning, and notes when each came."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.codec import decode_single_object

_PASSING = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE)


@dataclass(frozen=True)
class Read:
    """A change as it came: ``timestamp`` is the record's, ms; ``at`` is when it was read, in seconds of the epoch."""

    change: dict[str, Any]
    key: bytes
    timestamp: int
    at: float


class Reader:
    """All partitions of a topic, without a group. The order within a partition is that of the topic."""

    def __init__(self, servers: str, topic: str) -> None:
        self._topic = topic
        self._messages: list[tuple[Message, float]] = []
        self._changes: list[Read] = []
        self._settled_ids: set[str] = set()
        config = {"bootstrap.servers": servers, "group.id": "tests", "enable.auto.commit": False}
        self._consumer = Consumer({**config, "fetch.wait.max.ms": 20, "log_level": 3})
        self._partitions = list(self._consumer.list_topics(topic, 30).topics[topic].partitions)
        self._consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in self._partitions])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    @property
    def count(self) -> int:
        """How many records came."""
        return len(self._messages)

    @property
    def changes(self) -> list[Read]:
        """What came, in the order in which it came; decoded here, so that reading keeps up with any flood."""
        for message, at in self._messages[len(self._changes) :]:
            change = decode_single_object("segment_change", message.value())
            self._changes.append(Read(change, message.key(), message.timestamp()[1], at))
            if change["stage"] != "EARLY":
                self._settled_ids.add(change["change_id"])
        return self._changes

    @property
    def settled_ids(self) -> set[str]:
        """The ids of the settled changes that came."""
        return self._settled_ids if self.changes else set()

    def take(self, seconds: float) -> int:
        """Read what comes within so many seconds; how many records that was."""
        before = len(self._messages)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            messages = self._consumer.consume(5_000, min(left, 0.02))
            now = time.time()
            self._messages += [(message, now) for message in messages if _is_record(message)]
        return len(self._messages) - before

    def take_until(self, what: str, reached: Callable[[], bool], seconds: float) -> None:
        """Read until ``reached`` says so; fails with what was waited for when the time is over."""
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}; {self.count} changes came"
            self.take(0.1)

    def take_rest(self, seconds: float = 60) -> None:
        """Read up to where the topic ends now."""
        ends = {
            number: self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=30)[1]
            for number in self._partitions
        }
        self.take_until("the end of the topic", lambda: self._reached(ends), seconds)

    def _reached(self, ends: dict[int, int]) -> bool:
        places = self._consumer.position([TopicPartition(self._topic, number) for number in ends])
        return all(ends[place.partition] == 0 or place.offset >= ends[place.partition] for place in places)


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    # A broker that is away comes back; the client tells of it and goes on.
    if error.retriable() or error.code() in _PASSING:
        return False
    raise KafkaException(error)
