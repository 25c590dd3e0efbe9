"""What a reader asks of Pub/Sub, a request each: messages, their acknowledgement, and time."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from pipeline.clock import wall_clock
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.clients import PubsubError, asking, subscriber_client
from pipeline.io.pubsub.messages import event_time
from pipeline.io.pubsub.promptness import Promptness
from segmentation.units import SECOND

#: Messages of one pull at most; Pub/Sub gives no more.
MAX_PULLED: Final = 1_000
#: Requests are limited to 512 KB, and an id for acknowledging has some 200 bytes.
_IDS_AT_ONCE: Final = 1_000
#: Seconds that a pull waits for messages, and those that any other answer may take.
_WAIT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 5.0
#: Seconds to find the subscription at the start, however long its server is away.
_START_SECONDS: Final = 60.0


class Unanswered(Exception):  # noqa: N818  # not an error of the program: the request may be tried again
    """A request failed in passing: whether it was done is not known."""


class Nothing(Exception):  # noqa: N818  # not an error either: a quiet topic
    """No message came within the time that a pull waits."""


class Pulled(NamedTuple):
    """The messages of one pull, column by column, and their extreme event times (µs)."""

    ack_ids: list[str]
    ids: list[str]
    values: list[bytes]
    earliest: int
    #: The earliest of those that hold event time; None where none does.
    holding: int | None
    #: An event later than its publishing counts as of then.
    latest: int
    #: Bytes of the values.
    size: int


class Pulling:
    """One client of one subscription; safe for threads."""

    def __init__(self, address: PubsubAddress, clock: Callable[[], int] = wall_clock) -> None:
        """Connects at the first request.

        Raises:
            PubsubError: the environment has no credentials.
        """
        self._address = address
        self._clock = clock
        self._promptness = Promptness(address.lag)
        self._client: Any = subscriber_client(address)

    def lease_seconds(self) -> int:
        """The subscription's ack deadline: for so long a message is ours after a pull.

        Raises:
            PubsubError: there is no such subscription, it can't be read, or Pub/Sub doesn't answer within a minute.
        """
        from google.api_core.retry import Retry

        with asking(self._address):
            found = self._client.get_subscription(
                subscription=self._address.path, retry=Retry(timeout=_START_SECONDS), timeout=_ANSWER_SECONDS
            )
        return int(found.ack_deadline_seconds)

    def pull(self, most: int, *, wait: bool = True) -> Pulled | None:
        """Up to so many messages, at most `MAX_PULLED`; None where there are none.

        Without ``wait`` the answer comes at once, even if that makes it an empty one.

        Raises:
            Nothing: no answer came while waiting.
            Unanswered: the request failed; messages may have been lost on their way and come again.
            PubsubError: the subscription is gone or can't be read.
        """
        request: dict[str, Any] = {"max_messages": most}
        if not wait:
            request["return_immediately"] = True
        answer = self._ask("pull", request, _WAIT_SECONDS if wait else _ANSWER_SECONDS, waits=wait)
        # The plain message beneath: the wrapper costs several times as much for each field.
        return self._taken(answer._pb.received_messages)

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """These messages are done.

        Raises:
            Unanswered, PubsubError: as `pull`.
        """
        for start in range(0, len(ack_ids), _IDS_AT_ONCE):
            self._ask("acknowledge", {"ack_ids": ack_ids[start : start + _IDS_AT_ONCE]}, _ANSWER_SECONDS)

    def extend(self, ack_ids: Sequence[str], seconds: int) -> None:
        """These messages are ours for so many seconds from now; 0 gives them back.

        Raises:
            Unanswered, PubsubError: as `pull`.
        """
        for start in range(0, len(ack_ids), _IDS_AT_ONCE):
            request = {"ack_ids": ack_ids[start : start + _IDS_AT_ONCE], "ack_deadline_seconds": seconds}
            self._ask("modify_ack_deadline", request, _ANSWER_SECONDS)

    def close(self) -> None:
        """Ends the connection."""
        self._client.transport.close()

    def _ask(self, method: str, request: dict[str, Any], seconds: float, *, waits: bool = False) -> Any:
        from google.api_core import exceptions as refused

        call = getattr(self._client, method)
        try:
            with asking(self._address):
                return call(request={"subscription": self._address.path, **request}, retry=None, timeout=seconds)
        except PubsubError as error:
            cause = error.__cause__
            if waits and isinstance(cause, refused.DeadlineExceeded):
                raise Nothing from error
            passing = (refused.ServerError, refused.TooManyRequests, refused.Aborted, refused.Cancelled)
            if isinstance(cause, passing):
                raise Unanswered(str(error)) from error
            raise

    def _taken(self, received: Sequence[Any]) -> Pulled | None:
        if not received:
            return None
        attribute = self._address.timestamp_attribute
        messages = [each.message for each in received]
        known = [event_time(message.attributes.get(attribute)) for message in messages]
        times = [_published(message) if time is None else time for time, message in zip(known, messages, strict=True)]
        values = [message.data for message in messages]
        return Pulled(
            [each.ack_id for each in received],
            [message.message_id for message in messages],
            values,
            min(times),
            self._holding(times, messages),
            _latest(times, messages),
            sum(map(len, values)),
        )

    def _holding(self, times: list[int], messages: list[Any]) -> int | None:
        middle = len(times) // 2
        self._promptness.saw(times[middle], _published(messages[middle]))
        earliest = min(times)
        if earliest >= self._clock() - self._address.lag or not self._promptness.is_usual:
            return earliest
        return self._promptness.holding(zip(times, map(_published, messages), strict=True))


def _published(message: Any) -> int:
    """When Pub/Sub got a message, µs; the method of protobuf's own takes several times as long."""
    time = message.publish_time
    return int(time.seconds) * SECOND + int(time.nanos) // 1000


def _latest(times: list[int], messages: list[Any]) -> int:
    latest = max(times)
    if latest <= _published(messages[times.index(latest)]):
        return latest
    return max(map(min, times, map(_published, messages)))
