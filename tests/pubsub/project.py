"""A project of its own for every test, so that tests that share an emulator don't share anything in it."""

import os
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.api_core.exceptions import DeadlineExceeded
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.types import PublisherOptions, PubsubMessage
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from deploy.pubsub_emulator.running import HOST

#: Seconds that messages have to arrive in, unless a test says otherwise.
WAIT_SECONDS: Final = 30.0


class Project:
    """Topics, subscriptions and messages of one project; made as the environment's emulator has them."""

    def __init__(self) -> None:
        self.id = f"p-{uuid.uuid4().hex[:12]}"
        self.publisher = pubsub_v1.PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
        # The client's own connection to an emulator takes answers of at most 4 MB.
        channel = grpc.insecure_channel(os.environ[HOST], [("grpc.max_receive_message_length", -1)])
        self.subscriber = pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))

    def url(self, kind: str, name: str) -> str:
        """The address that options take; ``kind`` is ``topics`` or ``subscriptions``."""
        return f"pubsub://{self.id}/{kind}/{name}"

    def path(self, kind: str, name: str) -> str:
        """The name that Pub/Sub itself uses."""
        return f"projects/{self.id}/{kind}/{name}"

    def topic(self, name: str, subscription: str = "", **settings: Any) -> str:
        """Makes a topic and, where it is named, a subscription with ``settings``; returns the topic's address."""
        self.publisher.create_topic(name=self.path("topics", name))
        if subscription:
            self.subscription(subscription, name, **settings)
        return self.url("topics", name)

    def subscription(self, name: str, topic: str, **settings: Any) -> str:
        """Makes a subscription, with ``settings`` as in the API's Subscription; returns its address."""
        names = {"name": self.path("subscriptions", name), "topic": self.path("topics", topic)}
        self.subscriber.create_subscription(request=names | settings)
        return self.url("subscriptions", name)

    def publish(self, topic: str, data: bytes, key: str = "", attributes: Mapping[str, str] | None = None) -> str:
        """Publishes a message, waits until it is taken in, and returns its id."""
        path = self.path("topics", topic)
        return self.publisher.publish(path, data, ordering_key=key, **(attributes or {})).result(WAIT_SECONDS)

    def receive(self, subscription: str, count: int, seconds: float = WAIT_SECONDS) -> list[PubsubMessage]:
        """The next ``count`` messages at least, acknowledged; fewer where they don't come in time."""
        path = self.path("subscriptions", subscription)
        received: list[PubsubMessage] = []
        deadline = time.monotonic() + seconds
        while len(received) < count and (left := deadline - time.monotonic()) > 0:
            try:
                answer = self.subscriber.pull(subscription=path, max_messages=1_000, timeout=left, retry=None)
            except DeadlineExceeded:
                break
            if answer.received_messages:
                self.subscriber.acknowledge(
                    subscription=path, ack_ids=[each.ack_id for each in answer.received_messages]
                )
            received += [each.message for each in answer.received_messages]
        return received

    def is_empty(self, subscription: str) -> bool:
        """Whether there is nothing that could be delivered now; what there is comes again later."""
        path = self.path("subscriptions", subscription)
        answer = self.subscriber.pull(request={"subscription": path, "max_messages": 1, "return_immediately": True})
        return not answer.received_messages

    def close(self) -> None:
        """Closes the connections; what was made stays."""
        self.publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()
