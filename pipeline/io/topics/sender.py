"""What a system adds to be written to: a producer of messages for one topic."""

from typing import Final, Protocol

from pipeline.io.outputs import Output

CONTENT_TYPE: Final = "avro/binary"


class Sender(Protocol):
    """A producer of messages for one topic."""

    #: The most bytes that a message can have, beside all that comes with it.
    max_bytes: int

    def send(self, output: Output, value: bytes, message_id: str, subject: str, time: int) -> None:
        """Send one message. Waits while the buffer is full.

        Args:
            output: what it is a record of.
            value: the message itself.
            message_id: names it: a message that is repeated has the same.
            subject: the pseudonym of whom it is about, whose messages keep their order; empty where there is none.
            time: when what it tells of happened, µs.

        Raises:
            TopicError: this message can't be sent, or one before it was not.
        """

    def check(self) -> None:
        """Send on what waits, as far as possible at once.

        Raises:
            TopicError: a message was refused, or not acknowledged in time.
        """

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged.

        Raises:
            TopicError: a message was refused, or not acknowledged in time.
        """

    def close(self) -> None:
        """Give up what is not acknowledged yet."""
