"""The messages of a subscription as they come; or those of a topic from now on, through a subscription of our own."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from queue import Empty, Full, Queue
from typing import Any, Final
from uuid import uuid4

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.clients import ANSWER_SECONDS, asking, subscriber_client
from pipeline.io.pubsub.pulling import MAX_PULLED, Nothing, Pulled, Pulling, Unanswered
from pipeline.io.topics.errors import AddressError, TopicError
from pipeline.io.topics.reader import TopicMessage

#: Pulls that may wait to be looked at.
_PULLS: Final = 4
#: Seconds between a pull that failed and the next, and between looks at whether it is over.
_PAUSE: Final = 0.5
#: Of a subscription of our own: seconds a message is ours for, and those after which an unused one goes by itself.
_LEASE: Final = 60
_FORGOTTEN: Final = 24 * 3_600

_LOGGER = logging.getLogger("segments.pubsub")


class PubsubTail:
    """Reads in the background (a `TopicReader`); messages of an ordering key come in their order."""

    def __init__(self, address: PubsubAddress) -> None:
        """Begin to read.

        Raises:
            PubsubError: there is no such topic or subscription, Pub/Sub doesn't answer in time, or we may not read it.
        """
        self._own = address.kind == "topics"
        self._client: Any = subscriber_client(address)
        self._address = _own_subscription(address) if self._own else address
        self._pulling = Pulling(self._address)
        self._pulls: Queue[Pulled] = Queue(_PULLS)
        #: What was taken and isn't done, and what is done and perhaps not acknowledged yet; by what to acknowledge.
        self._taken: set[str] = set()
        self._done: list[str] = []
        self._failure: AddressError | TopicError | None = None
        self._answered = True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._pull, daemon=True)
        try:
            self._begin(address)
            self._thread.start()
        except BaseException:
            # An interruption may come when the subscription is made already.
            self._leave()
            raise

    def _begin(self, asked: PubsubAddress) -> None:
        answers = {"retry": None, "timeout": ANSWER_SECONDS}
        with asking(asked):
            if not self._own:
                self._client.get_subscription(subscription=asked.path, **answers)
                return
            request = {
                "name": self._address.path,
                "topic": asked.path,
                "ack_deadline_seconds": _LEASE,
                "enable_message_ordering": True,
                "expiration_policy": {"ttl": {"seconds": _FORGOTTEN}},
            }
            self._client.create_subscription(request=request, **answers)

    def take(self, seconds: float) -> list[TopicMessage]:
        """The messages that come within so many seconds; returns as soon as there are some.

        Raises:
            AddressError, TopicError: the subscription can't be read any further.
        """
        try:
            pulled = self._pulls.get(timeout=seconds)
        except Empty:
            if self._failure is not None:
                raise self._failure from None
            return []
        self._taken.update(pulled.ack_ids)
        messages = zip(pulled.ids, pulled.values, pulled.ack_ids, strict=True)
        return [TopicMessage(f"message {name}", value, ack_id) for name, value, ack_id in messages]

    def done(self, messages: Sequence[TopicMessage]) -> None:
        """Acknowledges them, at the next call where that fails in passing.

        Raises:
            AddressError, TopicError: the subscription can't be read any further.
        """
        self._done += [message.ack_id for message in messages]
        self._taken.difference_update(self._done)
        if not self._done:
            return
        try:
            self._pulling.acknowledge(self._done)
        except Unanswered as error:
            _LOGGER.info("%s: messages could not be acknowledged: %s", self._address.url, error)
        else:
            self._done = []

    def is_at_end(self) -> bool:
        """Whether nothing waits here, and nothing comes although pulls are answered."""
        return self._answered and self._pulls.empty() and self._failure is None

    def close(self) -> None:
        """Stop reading. What is not done is given back, and a subscription of our own goes."""
        self._over.set()
        try:
            if not self._own:
                self._give_back()
        except (Unanswered, TopicError, AddressError) as error:
            # Reading is over in any case: what is left comes again.
            _LOGGER.warning("%s", error)
        finally:
            # Ends the pull that waits, too.
            self._pulling.close()
            self._thread.join()
            self._leave()

    def _leave(self) -> None:
        try:
            if self._own:
                with asking(self._address):
                    self._client.delete_subscription(
                        subscription=self._address.path, retry=None, timeout=ANSWER_SECONDS
                    )
        except TopicError as error:
            # It goes by itself, or was never made.
            _LOGGER.info("%s", error)
        finally:
            self._client.transport.close()

    def _give_back(self) -> None:
        self.done(())
        while not self._pulls.empty():
            self._taken.update(self._pulls.get().ack_ids)
        self._pulling.extend(list(self._taken), 0)

    def _pull(self) -> None:
        while not self._over.is_set():
            try:
                pulled = self._pulling.pull(MAX_PULLED)
            except Nothing:
                self._answered = True
            except Unanswered as error:
                _LOGGER.info("%s: a pull failed: %s", self._address.url, error)
                self._answered = False
                self._over.wait(_PAUSE)
            except (AddressError, TopicError) as error:
                self._failure = error
                return
            except ValueError:
                # What a client says that was closed meanwhile.
                if not self._over.is_set():
                    raise
            else:
                self._answered = True
                self._keep(pulled)

    def _keep(self, pulled: Pulled | None) -> None:
        while pulled is not None and not self._over.is_set():
            try:
                self._pulls.put(pulled, timeout=_PAUSE)
            except Full:
                continue
            return


def _own_subscription(topic: PubsubAddress) -> PubsubAddress:
    """A subscription to the topic under a name of its own."""
    return replace(topic, kind="subscriptions", name=f"segments-tail-{uuid4().hex[:12]}")
