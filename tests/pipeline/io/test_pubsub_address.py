"""Addresses on Pub/Sub: what they may say, what they become, and what each mistake is told."""

import pickle

import pytest

from pipeline.io.places import is_topic
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.topics.errors import AddressError
from segmentation.units import SECOND


def parse(text: str) -> PubsubAddress:
    return PubsubAddress.parse(text, "--events")


def test_defaults() -> None:
    address = parse("pubsub://my-project/subscriptions/events")
    assert (address.project, address.kind, address.name) == ("my-project", "subscriptions", "events")
    assert (address.timestamp_attribute, address.id_label, address.hold) == ("occurred_at", None, None)
    assert address.path == "projects/my-project/subscriptions/events"
    assert address.url == "pubsub://my-project/subscriptions/events"


def test_everything_said() -> None:
    parameters = "timestamp_attribute=at&id_label=event%20id&hold=1m30s&max_outstanding=5&lag=1h"
    address = parse(f"pubsub://example.com:my-project/topics/e.v-e_n~t+s%25?{parameters}")
    assert address.url == "pubsub://example.com:my-project/topics/e.v-e_n~t+s%25"
    assert (address.timestamp_attribute, address.id_label) == ("at", "event id")
    assert (address.hold, address.max_outstanding, address.lag) == (90 * SECOND, 5, 3_600 * SECOND)
    assert pickle.loads(pickle.dumps(address)) == address


def test_files_are_not_topics() -> None:
    assert is_topic("pubsub://p/topics/t")
    assert not is_topic("events.jsonl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("events.jsonl", "expected pubsub://PROJECT/subscriptions/NAME or pubsub://PROJECT/topics/NAME, such as"),
        ("pubsub://my-project/events", "expected pubsub://PROJECT/subscriptions/NAME or"),
        ("pubsub://my-project/topics/a/b", "expected pubsub://PROJECT/subscriptions/NAME or"),
        ("pubsub:///topics/events", "a project's id has lower-case letters, digits and hyphens"),
        ("pubsub://My/topics/events", "a project's id has lower-case letters, digits and hyphens"),
        ("pubsub://my-project/topic/events", "expected topics or subscriptions after the project, found 'topic'"),
        ("pubsub://my-project/topics/ev", "a name has 3 to 255 letters"),
        ("pubsub://my-project/topics/google", "a name has 3 to 255 letters"),
        ("pubsub://my-project/topics/1st", "a name has 3 to 255 letters"),
        ("pubsub://my-project/topics/" + "t" * 256, "a name has 3 to 255 letters"),
        ("pubsub://my-project/topics/events?hld=1s", "there is no parameter 'hld'; did you mean 'hold'?"),
        ("pubsub://my-project/topics/events?hold=1s&hold=2s", "hold is given twice"),
        ("pubsub://my-project/topics/events?hold=", "hold: expected a value, found nothing"),
        ("pubsub://my-project/topics/events?hold=5", "hold: '5' is not a duration"),
        ("pubsub://my-project/topics/events?hold=0s", "hold: expected whole milliseconds, at least one"),
        ("pubsub://my-project/topics/events?max_outstanding=0", "max_outstanding: expected a number from 1 to"),
        ("pubsub://my-project/topics/events?max_outstanding=-1", "max_outstanding: expected a number from 1 to"),
    ],
)
def test_mistake_names_the_option(text: str, message: str) -> None:
    with pytest.raises(AddressError) as error:
        parse(text)
    assert str(error.value).startswith(f"--events: {message}")


def test_what_is_written_to_is_a_topic_without_parameters_of_reading() -> None:
    assert PubsubAddress.parse("pubsub://my-project/topics/out", "--changes", reads=False).name == "out"
    with pytest.raises(AddressError, match=r"^--changes: a subscription can't be written to; name its topic"):
        PubsubAddress.parse("pubsub://my-project/subscriptions/out", "--changes", reads=False)
    with pytest.raises(AddressError, match=r"^--changes: hold is for reading; this topic is written to"):
        PubsubAddress.parse("pubsub://my-project/topics/out?hold=1s", "--changes", reads=False)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1:8085", True), ("localhost:8085", True), ("[::1]:8085", True), ("10.0.0.1:8085", False), ("", False)],
)
def test_local_is_an_emulator_on_this_machine(host: str, local: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
    assert parse("pubsub://my-project/topics/events").is_local is local
