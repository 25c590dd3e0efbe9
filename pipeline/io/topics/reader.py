"""The messages of a topic as they come, for people: what a reader does, whichever system keeps the topic."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class TopicMessage(NamedTuple):
    """A message, and how its system names it."""

    place: str
    value: bytes | None
    #: What to acknowledge it by, where that is done.
    ack_id: str = ""


class TopicReader(Protocol):
    """Reads a topic. What is away for a while costs nothing: reading goes on where it was."""

    def take(self, seconds: float) -> list[TopicMessage]:
        """The messages that come within so many seconds; returns as soon as there are some.

        Raises:
            AddressError, TopicError: the topic can't be read any further.
        """

    def done(self, messages: Sequence[TopicMessage]) -> None:
        """These messages need not come again.

        Raises:
            AddressError, TopicError: the topic can't be read any further.
        """

    def is_at_end(self) -> bool:
        """Whether everything has been read that is in the topic now, as far as that can be known.

        Raises:
            TopicError: its system doesn't answer in time.
        """

    def close(self) -> None:
        """Stop reading; what is not done may come again, for other readers."""
