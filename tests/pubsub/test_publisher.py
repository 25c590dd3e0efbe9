"""Messages into a topic: all of them arrive, those of a key in their order, whatever happens on the way."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable

import pytest
from google.cloud.pubsub_v1.types import PubsubMessage

from pipeline.io.pubsub import publisher as pubsub_publisher
from pipeline.io.pubsub.address import EMULATOR, PubsubAddress
from pipeline.io.pubsub.clients import PubsubError, subscriber_client
from pipeline.io.pubsub.publisher import MAX_REQUEST_BYTES, TopicPublisher
from tests.pubsub.project import Project
from tests.pubsub.proxy import Proxy


def address(url: str) -> PubsubAddress:
    return PubsubAddress.parse(url, "--to", reads=False)


def by_key(messages: Iterable[PubsubMessage]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        found[message.ordering_key].append(int(message.data))
    return found


def test_every_message_arrives_once_and_those_of_a_key_in_their_order(pubsub: Project) -> None:
    publisher = TopicPublisher(address(pubsub.topic("top", "sub", enable_message_ordering=True)))
    for number in range(30_000):
        publisher.send(b"%d" % number, key=f"key-{number * number % 701}")
    publisher.flush()
    found = by_key(pubsub.receive("sub", 30_000))
    assert sorted(number for numbers in found.values() for number in numbers) == list(range(30_000))
    assert all(numbers == sorted(numbers) for numbers in found.values())
    assert len(found) > 100
    assert pubsub.is_empty("sub")
    publisher.close()


def test_attributes_and_messages_without_a_key(pubsub: Project) -> None:
    publisher = TopicPublisher(address(pubsub.topic("top", "sub")))
    for number in range(2_500):
        publisher.send(b"%d" % number, attributes={"number": str(number)})
    publisher.flush()
    messages = pubsub.receive("sub", 2_500)
    assert sorted(int(message.data) for message in messages) == list(range(2_500))
    assert all(dict(message.attributes) == {"number": message.data.decode()} for message in messages)
    publisher.close()


def test_check_sends_what_waits_without_waiting_for_it(pubsub: Project) -> None:
    publisher = TopicPublisher(address(pubsub.topic("top", "sub")))
    publisher.send(b"1", key="a")
    publisher.check()
    assert [message.data for message in pubsub.receive("sub", 1)] == [b"1"]
    publisher.close()


def test_message_that_is_too_large_is_refused_and_a_large_one_is_not(pubsub: Project) -> None:
    publisher = TopicPublisher(address(pubsub.topic("top", "sub")))
    with pytest.raises(PubsubError, match=r"^--to: pubsub://.*/topics/top: .* takes at most 10,000,000"):
        publisher.send(b"x" * MAX_REQUEST_BYTES)
    publisher.send(b"x" * pubsub_publisher.MAX_DATA_BYTES, attributes={"name": "v" * 1_000})
    publisher.flush()
    # The library's own client takes no more than 4 MB from an emulator.
    subscriber = subscriber_client(PubsubAddress.parse(pubsub.url("subscriptions", "sub"), "--from"))
    [received] = subscriber.pull(subscription=pubsub.path("subscriptions", "sub"), max_messages=1).received_messages
    assert len(received.message.data) == pubsub_publisher.MAX_DATA_BYTES
    publisher.close()


def test_refused_message_fails_the_flush_and_the_publisher_goes_on_after_it(pubsub: Project) -> None:
    publisher = TopicPublisher(address(pubsub.topic("top", "sub")))
    publisher.send(b"1", attributes={"name": "v" * 2_000})
    with pytest.raises(PubsubError, match=r"^--to: pubsub://.*/topics/top: .*INVALID_ARGUMENT"):
        publisher.flush()
    publisher.send(b"2")
    publisher.flush()
    assert [message.data for message in pubsub.receive("sub", 1)] == [b"2"]
    publisher.close()


def test_topic_that_is_not_there(pubsub: Project) -> None:
    publisher = TopicPublisher(address(pubsub.url("topics", "none")))
    publisher.send(b"1")
    with pytest.raises(PubsubError, match=r"^--to: there is no topic pubsub://.*/none; `segments topics create`"):
        publisher.flush()
    publisher.close()


def test_cut_connection_loses_nothing_and_keeps_the_order(
    pubsub: Project, pubsub_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pubsub.topic("top", "sub", enable_message_ordering=True)
    with Proxy(pubsub_host) as proxy:
        monkeypatch.setenv(EMULATOR, proxy.host)
        publisher = TopicPublisher(address(url))
        healing = threading.Timer(1.0, proxy.heal)
        for number in range(5_000):
            publisher.send(b"%d" % number, key=f"key-{number % 100}")
            if number == 2_000:
                publisher.check()
                proxy.cut()
                healing.start()
        publisher.flush()
        publisher.close()
    # What was taken in before the cut may come again after it.
    messages: list[PubsubMessage] = []
    while len({message.data for message in messages}) < 5_000 and (more := pubsub.receive("sub", 1)):
        messages += more
    firsts = {key: list(dict.fromkeys(numbers)) for key, numbers in by_key(messages).items()}
    assert sorted(number for numbers in firsts.values() for number in numbers) == list(range(5_000))
    assert all(numbers == sorted(numbers) for numbers in firsts.values())


def test_service_that_stays_away_is_given_up_in_time(
    pubsub: Project, pubsub_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pubsub.topic("top", "sub")
    with Proxy(pubsub_host) as proxy:
        monkeypatch.setenv(EMULATOR, proxy.host)
        publisher = TopicPublisher(address(url), seconds=1.0)
        proxy.cut()
        begun = time.monotonic()
        publisher.send(b"1", key="a")
        with pytest.raises(PubsubError, match=r"^--to: pubsub://.*UNAVAILABLE"):
            publisher.flush()
        assert time.monotonic() - begun < 10
        proxy.heal()
        publisher.close()


def test_answers_that_are_lost_make_messages_come_twice_but_never_late(
    pubsub: Project, pubsub_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pubsub.topic("top", "sub", enable_message_ordering=True)
    with Proxy(pubsub_host) as proxy:
        monkeypatch.setenv(EMULATOR, proxy.host)
        publisher = TopicPublisher(address(url))
        publisher.send(b"0", key="a")
        publisher.flush()
        proxy.mute()
        publisher.send(b"1", key="a")
        publisher.check()
        publisher.send(b"2", key="a")
        assert [int(message.data) for message in pubsub.receive("sub", 2)] == [0, 1]
        proxy.heal()
        publisher.flush()
        publisher.close()
    assert [int(message.data) for message in pubsub.receive("sub", 2)] == [1, 2]


def test_bundle_that_failed_is_repeated_under_the_same_keys(
    pubsub: Project, pubsub_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pubsub.topic("top", "sub", enable_message_ordering=True)
    with Proxy(pubsub_host) as proxy:
        monkeypatch.setenv(EMULATOR, proxy.host)
        publisher = TopicPublisher(address(url), seconds=1.0)
        publisher.send(b"0", key="a")
        publisher.flush()
        proxy.cut()
        publisher.send(b"1", key="a")
        with pytest.raises(PubsubError, match="UNAVAILABLE"):
            publisher.flush()
        proxy.heal()
        for number in range(3):
            publisher.send(b"%d" % number, key="a")
        publisher.flush()
        publisher.close()
    assert [int(message.data) for message in pubsub.receive("sub", 4)] == [0, 0, 1, 2]
