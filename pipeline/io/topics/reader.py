"""The messages of a topic as they come, for whoever looks at them: what a reader does, whichever system keeps it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class TopicMessage(NamedTuple):
    """A message, and what it is called by whoever keeps it."""

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
            TopicError: nobody answers in time.
        """

    def close(self) -> None:
        """Stop reading; what is not done may come again, for other readers."""
