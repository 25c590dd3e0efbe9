"""Messages into one topic of Pub/Sub: many requests at a time, those of one ordering key one after the other.

A request holds messages of one ordering key only. The client library gives every key a thread and a timer of its own,
so that messages of many keys go out at some 900 a second; here one thread keeps all requests, and the messages of a key
that wait for their turn go out together.
"""

import heapq
import time
from collections import deque
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.clients import PubsubError, missing, publisher_client

if TYPE_CHECKING:
    import grpc

#: Bytes that a request may have; a message can't have more.
MAX_REQUEST_BYTES: Final = 10_000_000
#: What a message takes beyond its data, attributes and key, and a request beyond its messages.
_OVERHEAD: Final = 64
_REQUEST_OVERHEAD: Final = 2_048
#: A message's data is safely below the limit where its attributes have at most so many bytes.
MAX_DATA_BYTES: Final = MAX_REQUEST_BYTES - 8_192
#: How long (seconds) a message is tried for: a service that is away within that costs nothing else.
DELIVERY_SECONDS: Final = 120.0
#: Seconds that a request has to be answered in.
_ANSWER_SECONDS: Final = 30.0
#: When a request is full: Pub/Sub takes no more messages, and more bytes make it no faster.
_MESSAGES_AT_ONCE: Final = 1_000
_BYTES_AT_ONCE: Final = 1_000_000
#: Messages, and their bytes, that wait to be sent; the more, the more of a key go out together.
_WAITING: Final = 20_000
_WAITING_BYTES: Final = 16 << 20
#: Requests under way; a connection takes a hundred.
_REQUESTS: Final = 100
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_METHOD: Final = "/google.pubsub.v1.Publisher/Publish"


class _Batch:
    """Messages of one request."""

    __slots__ = ("begun", "key", "messages", "pause", "size")

    def __init__(self, key: str) -> None:
        self.key = key
        self.messages: list[Any] = []
        self.size = 0
        self.begun = 0.0
        self.pause = _FIRST_PAUSE


class TopicPublisher:
    """A publisher for one topic, for one thread; keep it, because connecting takes a while.

    `send` only puts into a buffer; after `flush` all that was sent is acknowledged. What fails in passing is tried
    again, so a message may come twice, but never before one of its key that was sent earlier.
    """

    def __init__(self, address: PubsubAddress, seconds: float = DELIVERY_SECONDS) -> None:
        """``seconds`` is how long a message is tried for.

        Raises:
            PubsubError: the environment has no credentials.
        """
        from google.pubsub_v1.types import PublishRequest, PublishResponse, PubsubMessage

        self._address = address
        self._seconds = seconds
        client: Any = publisher_client(address)
        self._transport = client.transport
        # The plain messages beneath: the wrappers cost several times as much.
        self._message: Any = PubsubMessage.pb()
        self._request: Any = PublishRequest.pb()
        self._publish = self._transport.grpc_channel.unary_unary(
            _METHOD,
            request_serializer=self._request.SerializeToString,
            response_deserializer=PublishResponse.pb().FromString,
        )
        self._metadata = (("x-goog-request-params", f"topic={address.path}"),)
        self._forget()

    def _forget(self) -> None:
        #: By key what waits; of "", of which several may be under way, each batch is ready by itself.
        self._waiting: dict[str, deque[_Batch]] = {}
        self._ready: deque[str] = deque()
        self._messages = self._bytes = 0
        self._busy: dict[_Batch, grpc.Future] = {}
        self._busy_keys: set[str] = set()
        self._pausing: list[tuple[float, int, _Batch]] = []
        self._pauses = 0
        self._answers: SimpleQueue[tuple[_Batch, grpc.Future]] = SimpleQueue()

    def send(self, data: bytes, *, key: str = "", attributes: Mapping[str, str] | None = None) -> None:
        """Send one message. Waits while the buffer is full.

        Raises:
            PubsubError: this message can't be sent, or one before it was not.
        """
        message = self._message(data=data, ordering_key=key, attributes=attributes)
        size = message.ByteSize() + _OVERHEAD
        if size > MAX_REQUEST_BYTES - _REQUEST_OVERHEAD:
            raise self._error(f"a message has {size:,} bytes, and Pub/Sub takes at most {MAX_REQUEST_BYTES:,}")
        batches = self._waiting.get(key)
        if batches is None:
            batches = self._waiting[key] = deque()
            if key and key not in self._busy_keys:
                self._ready.append(key)
        if not batches or len(batches[-1].messages) == _MESSAGES_AT_ONCE or batches[-1].size + size > _BYTES_AT_ONCE:
            batches.append(_Batch(key))
            if not key:
                self._ready.append(key)
        batch = batches[-1]
        batch.messages.append(message)
        batch.size += size
        self._messages += 1
        self._bytes += size
        while self._messages >= _WAITING or self._bytes >= _WAITING_BYTES:
            if not self._start_ready():
                self._settle(wait=True)

    def check(self) -> None:
        """Send what waits, as far as possible at once, and look at the answers that have come.

        Raises:
            PubsubError: a message was refused, or not acknowledged in time.
        """
        self._settle(wait=False)
        self._start_ready()

    def flush(self) -> None:
        """Wait for the acknowledgement of all that was sent.

        Raises:
            PubsubError: at least one message was not acknowledged in time, or was refused; nothing waits any more.
        """
        while self._start_ready() or self._busy or self._pausing:
            self._settle(wait=True)

    def close(self, seconds: float = 0.0) -> None:
        """Give up what is not acknowledged within so many seconds."""
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until and (self._start_ready() or self._busy or self._pausing):
                self._settle(wait=True, until=until)
        except PubsubError:
            # Closing early has a cause of its own, which is what is told.
            pass
        finally:
            self._give_up()
            self._transport.close()

    def _start_ready(self) -> bool:
        """Begins as many requests as there may be; whether any was."""
        started = False
        while self._ready and len(self._busy) < _REQUESTS:
            key = self._ready.popleft()
            batches = self._waiting[key]
            batch = batches.popleft()
            if not batches:
                del self._waiting[key]
            self._messages -= len(batch.messages)
            self._bytes -= batch.size
            batch.begun = time.monotonic()
            if key:
                self._busy_keys.add(key)
            self._start(batch)
            started = True
        return started

    def _start(self, batch: _Batch) -> None:
        request = self._request(topic=self._address.path, messages=batch.messages)
        future = self._publish.future(request, timeout=_ANSWER_SECONDS, metadata=self._metadata)
        self._busy[batch] = future
        answers = self._answers
        future.add_done_callback(lambda answer: answers.put((batch, answer)))

    def _settle(self, *, wait: bool, until: float | None = None) -> None:
        """Takes the answers that are there; with ``wait``, returns when something has come of one or may be begun."""
        now = time.monotonic()
        while self._pausing and self._pausing[0][0] <= now:
            self._start(heapq.heappop(self._pausing)[2])
        try:
            answer = self._answers.get(wait, self._patience(now, until)) if wait else self._answers.get_nowait()
            while True:
                self._take(*answer)
                answer = self._answers.get_nowait()
        except Empty:
            return

    def _patience(self, now: float, until: float | None) -> float:
        """Seconds until something is to be done even if no answer comes."""
        times = [now + _ANSWER_SECONDS]
        times += [self._pausing[0][0]] if self._pausing else []
        times += [] if until is None else [until]
        return max(0.0, min(times) - now)

    def _take(self, batch: _Batch, answer: "grpc.Future") -> None:
        import grpc

        del self._busy[batch]
        code = answer.code()
        if code is grpc.StatusCode.OK:
            if batch.key:
                self._busy_keys.discard(batch.key)
                if batch.key in self._waiting:
                    self._ready.append(batch.key)
            return
        now = time.monotonic()
        if code not in _passing() or now + batch.pause - batch.begun > self._seconds:
            self._give_up()
            raise self._refused(code, answer.details())
        self._pauses += 1
        heapq.heappush(self._pausing, (now + batch.pause, self._pauses, batch))
        batch.pause = min(2 * batch.pause, _LONGEST_PAUSE)

    def _give_up(self) -> None:
        futures = list(self._busy.values())
        self._forget()
        for future in futures:
            future.cancel()

    def _refused(self, code: "grpc.StatusCode", details: str) -> PubsubError:
        import grpc

        if code is grpc.StatusCode.NOT_FOUND:
            return missing(self._address)
        return self._error(f"{details} ({code.name})")

    def _error(self, what: str) -> PubsubError:
        return PubsubError(f"{self._address.option}: {self._address.url}: can't be written to: {what}")


def _passing() -> "tuple[grpc.StatusCode, ...]":
    """What is worth another try."""
    from grpc import StatusCode

    return (
        StatusCode.ABORTED,
        StatusCode.CANCELLED,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.INTERNAL,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.UNAVAILABLE,
        StatusCode.UNKNOWN,
    )
