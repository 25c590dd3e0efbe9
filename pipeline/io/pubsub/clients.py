"""Pub/Sub's clients as every part of this program sets them up, and the topics that they need."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pipeline.io.pubsub.address import EMULATOR, PubsubAddress
from pipeline.io.topics.errors import TopicError

if TYPE_CHECKING:
    from google.pubsub_v1 import PublisherClient, SchemaServiceClient, SubscriberClient

#: Seconds that Pub/Sub has to answer a question of ours.
ANSWER_SECONDS: Final = 10.0
#: A connection that is gone is tried again at least so often, ms; gRPC would wait for up to two minutes.
_RECONNECT_MS: Final = 1_000
_CHANNEL: Final = [
    ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


class PubsubError(TopicError):
    """Pub/Sub can't be reached, or refuses; the message starts with the option that names the place."""


def publisher_client(address: PubsubAddress) -> "PublisherClient":
    """A client for topics; connects at its first question.

    Raises:
        PubsubError: the environment has no credentials.
    """
    from google.pubsub_v1 import PublisherClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

    return PublisherClient(transport=_connected(address, PublisherGrpcTransport))


def subscriber_client(address: PubsubAddress) -> "SubscriberClient":
    """A client for subscriptions; connects at its first question.

    Raises:
        PubsubError: the environment has no credentials.
    """
    from google.pubsub_v1 import SubscriberClient
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

    return SubscriberClient(transport=_connected(address, SubscriberGrpcTransport))


def schema_client(address: PubsubAddress) -> "SchemaServiceClient":
    """A client for schemas; connects at its first question.

    Raises:
        PubsubError: the environment has no credentials.
    """
    from google.pubsub_v1 import SchemaServiceClient
    from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

    return SchemaServiceClient(transport=_connected(address, SchemaServiceGrpcTransport))


def check_topic(address: PubsubAddress, *, make: bool = False) -> bool:
    """Checks that the topic is there; ``make`` makes it where there is none, on an emulator only. True where it did.

    Raises:
        PubsubError: there is no such topic, Pub/Sub doesn't answer in time, or the question is refused.
    """
    from google.api_core.exceptions import AlreadyExists, NotFound

    client: Any = publisher_client(address)
    try:
        with asking(address):
            try:
                client.get_topic(topic=address.path, retry=None, timeout=ANSWER_SECONDS)
                return False
            except NotFound:
                if not make or EMULATOR not in os.environ:
                    raise
            try:
                client.create_topic(name=address.path, retry=None, timeout=ANSWER_SECONDS)
            except AlreadyExists:
                return False
            return True
    finally:
        client.transport.close()


@contextmanager
def asking(address: PubsubAddress) -> Iterator[None]:
    """Makes a `PubsubError` of what a client raises."""
    from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except NotFound as error:
        raise missing(address) from error
    except GoogleAPICallError as error:
        raise PubsubError(f"{address.option}: {address.url}: {error.message or error}{_where()}") from error
    except (GoogleAuthError, RetryError) as error:
        raise PubsubError(f"{address.option}: {address.url}: {error}") from error


def missing(address: PubsubAddress) -> PubsubError:
    """The error for a place that is not there."""
    kind = address.kind.removesuffix("s")
    return PubsubError(f"{address.option}: there is no {kind} {address.url}; `segments topics create` makes one")


def _where() -> str:
    host = os.environ.get(EMULATOR)
    return "" if not host else f" ({EMULATOR} is {host})"


def _connected(address: PubsubAddress, transport: Any) -> Any:
    host = os.environ.get(EMULATOR)
    if host:
        import grpc

        return transport(channel=grpc.insecure_channel(host, options=_CHANNEL))
    from google.auth import default
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials, _ = default(scopes=transport.AUTH_SCOPES)
    except GoogleAuthError as error:
        hint = f"log in with `gcloud auth application-default login`, or set {EMULATOR} for an emulator"
        raise PubsubError(f"{address.option}: {address.url}: there are no credentials; {hint}") from error
    channel = transport.create_channel(f"{transport.DEFAULT_HOST}:443", credentials=credentials, options=_CHANNEL)
    return transport(channel=channel)
