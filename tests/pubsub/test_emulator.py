"""The emulator keeps the promises of Pub/Sub that other tests rely on."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.pubsub_v1.types import PubsubMessage

from tests.pubsub.project import Project


def pull(pubsub: Project, count: int = 1_000) -> tuple[list[bytes], list[str]]:
    answer = pubsub.subscriber.pull(subscription=pubsub.path("subscriptions", "sub"), max_messages=count)
    received = answer.received_messages
    return [each.message.data for each in received], [each.ack_id for each in received]


def give_back(pubsub: Project, ids: Sequence[str], seconds: int = 0) -> None:
    path = pubsub.path("subscriptions", "sub")
    pubsub.subscriber.modify_ack_deadline(subscription=path, ack_ids=ids, ack_deadline_seconds=seconds)


def acknowledge(pubsub: Project, ids: Sequence[str]) -> None:
    pubsub.subscriber.acknowledge(subscription=pubsub.path("subscriptions", "sub"), ack_ids=ids)


def fill(pubsub: Project, number: int, key: str = "", **settings: Any) -> list[bytes]:
    pubsub.topic("top", "sub", **settings)
    texts = [b"%d" % at for at in range(number)]
    messages = [PubsubMessage(data=text, ordering_key=key) for text in texts]
    pubsub.publisher.api.publish(topic=pubsub.path("topics", "top"), messages=messages)
    return texts


def test_every_subscription_gets_every_message_once_where_it_is_acknowledged(pubsub: Project) -> None:
    pubsub.topic("top", "sub")
    pubsub.subscription("other", "top")
    pubsub.publish("top", b"x", attributes={"a": "b"})
    for subscription in ("sub", "other"):
        [message] = pubsub.receive(subscription, 1)
        assert (message.data, dict(message.attributes)) == (b"x", {"a": "b"})
        assert pubsub.is_empty(subscription)


def test_message_that_is_given_back_comes_again_at_once(pubsub: Project) -> None:
    fill(pubsub, 1)
    give_back(pubsub, pull(pubsub)[1])
    assert pull(pubsub)[0] == [b"0"]


def test_message_comes_again_when_its_lease_is_over_and_not_before(pubsub: Project) -> None:
    fill(pubsub, 1)
    _, ids = pull(pubsub)
    began = time.monotonic()
    give_back(pubsub, ids, seconds=2)
    assert pull(pubsub)[0] == [b"0"]
    assert 1.9 < time.monotonic() - began < 4
    acknowledge(pubsub, ids)
    give_back(pubsub, ids)
    assert pubsub.is_empty("sub"), "what was leased before says nothing about the lease of now"


def test_pull_waits_for_a_message(pubsub: Project) -> None:
    pubsub.topic("top", "sub")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(pull, pubsub)
        pubsub.publish("top", b"x")
        began = time.monotonic()
        assert asked.result()[0] == [b"x"]
    assert time.monotonic() - began < 2, "it is held until there is one, and no longer"


def test_order_of_a_key_survives_redelivery(pubsub: Project) -> None:
    texts = fill(pubsub, 5, key="k", enable_message_ordering=True)
    data, ids = pull(pubsub)
    assert data == texts
    assert pubsub.is_empty("sub"), "one batch of a key is out at a time"
    acknowledge(pubsub, [ids[0], ids[3]])
    give_back(pubsub, [ids[1], ids[2], ids[4]])
    # With a message all that follow it come again, the acknowledged ones too.
    assert pull(pubsub)[0] == texts[1:]


def test_dead_letter_policy(pubsub: Project) -> None:
    pubsub.topic("dead", "graves")
    policy = {"dead_letter_topic": pubsub.path("topics", "dead"), "max_delivery_attempts": 5}
    fill(pubsub, 1, dead_letter_policy=policy)
    for _ in range(5):
        data, ids = pull(pubsub)
        assert data == [b"0"]
        give_back(pubsub, ids)
    assert pubsub.is_empty("sub")
    [message] = pubsub.receive("graves", 1)
    assert message.data == b"0"
    assert message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


def test_seek_to_the_past_and_to_the_future(pubsub: Project) -> None:
    texts = fill(pubsub, 3, retain_acked_messages=True)
    first = pubsub.receive("sub", 3)[0]
    path = pubsub.path("subscriptions", "sub")
    pubsub.subscriber.seek(request={"subscription": path, "time": first.publish_time})
    assert [each.data for each in pubsub.receive("sub", 3)] == texts
    pubsub.publish("top", b"later")
    pubsub.subscriber.seek(request={"subscription": path, "time": "2100-01-01T00:00:00Z"})
    assert pubsub.is_empty("sub")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [PubsubMessage()],
        [PubsubMessage(data=b"x")] * 1_001,
        [PubsubMessage(data=b"x", ordering_key="a"), PubsubMessage(data=b"x", ordering_key="b")],
        [PubsubMessage(data=b"x", attributes={"a": "x" * 1_025})],
        [PubsubMessage(data=b"x" * 10_000_000)],
    ],
    ids=["none", "empty", "too many", "two keys", "attribute", "too large"],
)
def test_what_the_service_refuses(pubsub: Project, messages: list[PubsubMessage]) -> None:
    pubsub.topic("top")
    with pytest.raises(InvalidArgument):
        pubsub.publisher.api.publish(topic=pubsub.path("topics", "top"), messages=messages)


def test_streaming_pull(pubsub: Project) -> None:
    pubsub.topic("top", "sub", enable_message_ordering=True)
    published = {key: [b"%d" % at for at in range(20)] for key in "abc"}
    for key, texts in published.items():
        for text in texts:
            pubsub.publish("top", text, key=key)
    received: dict[str, list[bytes]] = {}

    def take(message: Any) -> None:
        received.setdefault(message.ordering_key, []).append(message.data)
        message.ack()

    stream = pubsub.subscriber.subscribe(pubsub.path("subscriptions", "sub"), take)
    deadline = time.monotonic() + 20
    while sum(map(len, received.values())) < 60 and time.monotonic() < deadline:
        time.sleep(0.02)
    stream.cancel()
    stream.result(20)
    assert received == published
