"""Reads a subscription to changes as a subscriber does: it acknowledges what it has got."""

import time
from collections.abc import Callable
from datetime import datetime

from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1.types import PubsubMessage

from schemas.codec import decode_single_object
from tests.background import Background
from tests.flink.reading import Read
from tests.pubsub.project import Project


class Reader(Background):
    """All messages of a subscription, in the order in which they come; read on a thread of its own."""

    def __init__(self, project: Project, subscription: str) -> None:
        super().__init__()
        self._path = project.path("subscriptions", subscription)
        self._client = project.subscriber
        self._messages: list[tuple[PubsubMessage, float]] = []
        self._changes: list[Read] = []
        self._settled_ids: set[str] = set()
        self._quiet_since = time.monotonic()

    @property
    def count(self) -> int:
        """How many messages came."""
        return len(self._messages)

    @property
    def changes(self) -> list[Read]:
        """What came. The time of a change is that of its message's attribute, ms."""
        for message, at in self._messages[len(self._changes) :]:
            change = decode_single_object("segment_change", message.data)
            time_of = datetime.fromisoformat(message.attributes["ce-time"])
            read = Read(change, message.ordering_key.encode(), int(time_of.timestamp() * 1000), at)
            self._changes.append(read)
            if change["stage"] != "EARLY":
                self._settled_ids.add(change["change_id"])
        return self._changes

    @property
    def settled_ids(self) -> set[str]:
        """The ids of the settled changes that came."""
        return self._settled_ids if self.changes else set()

    def take_until(self, what: str, reached: Callable[[], bool], seconds: float) -> None:
        """Wait until ``reached`` says so; fails with what was waited for when the time is over."""
        deadline = time.monotonic() + seconds
        while not reached():
            self.check()
            assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}; {self.count} changes came"
            time.sleep(0.1)  # between two looks; the deadline above ends it

    def take_rest(self, silence: float = 3, seconds: float = 60) -> None:
        """Wait until nothing has come for ``silence`` seconds."""
        self.take_until("a silence", lambda: time.monotonic() - self._quiet_since > silence, seconds)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._client.pull(subscription=self._path, max_messages=1_000, timeout=10, retry=None)
            except DeadlineExceeded:
                continue
            received = answer.received_messages
            if received:
                now = time.time()
                self._messages += [(each.message, now) for each in received]
                self._quiet_since = time.monotonic()
                self._client.acknowledge(subscription=self._path, ack_ids=[each.ack_id for each in received])
