"""The topic that events go to: what a writer needs of it, whichever system keeps it."""

from typing import Protocol


class EventSender(Protocol):
    """Sends the records of one writer."""

    def send(self, value: bytes, user_id: str | None, partition: int, time: int, /) -> None:
        """Send a record; ``time`` is its event time, ms. Waits while the buffer is full.

        Raises:
            TopicError: this record can't be sent, or one before it was refused.
        """

    def check(self) -> None:
        """Look at the answers that have come.

        Raises:
            TopicError: a record was refused.
        """

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged.

        Raises:
            TopicError: a record was refused, or not acknowledged in time.
        """

    def close(self, seconds: float) -> None:
        """Give up what is not acknowledged within so many seconds."""


class EventTopic(Protocol):
    """A topic that is there."""

    @property
    def partitions(self) -> int:
        """How many a writer has to tell apart; 1 where a topic has none."""

    @property
    def max_bytes(self) -> int:
        """Of the value of a record, at most, in batches."""

    def sender(self) -> EventSender:
        """Begin to write.

        Raises:
            AddressError, TopicError: the environment lacks what a client needs.
        """
