"""Which messages hold event time, by when they were published."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.held_watermark import HeldWatermark
from pipeline.io.pubsub.promptness import Promptness
from pipeline.io.pubsub.pulling import Pulled, Pulling
from segmentation.units import DAY, HOUR, MINUTE, SECOND

NOW = 1_770_000_000 * SECOND
LAG = 10 * MINUTE


@pytest.fixture
def pulling(monkeypatch: pytest.MonkeyPatch) -> Pulling:
    """What makes columns of messages, at a moment of the wall clock; it never asks anyone."""
    monkeypatch.setattr("pipeline.io.pubsub.pulling.subscriber_client", lambda _: None)
    return Pulling(PubsubAddress.parse("pubsub://my-project/subscriptions/events", "--events"), lambda: NOW)


def taken(pulling: Pulling, *times: tuple[int, int]) -> Pulled:
    """A pull of messages whose events occurred, and which were published, at these times."""
    pulled = pulling._taken([_received(occurred, published) for occurred, published in times])
    assert pulled is not None
    return pulled


def _received(occurred: int, published: int) -> Any:
    message = SimpleNamespace(
        attributes={"occurred_at": str(occurred // 1000)},
        publish_time=SimpleNamespace(seconds=published // SECOND, nanos=published % SECOND * 1000),
        data=b"{}",
        message_id="m",
    )
    return SimpleNamespace(ack_id="a", message=message)


def test_a_message_far_behind_holds_nothing_where_most_are_prompt(pulling: Pulling) -> None:
    for second in range(10):
        taken(pulling, (NOW + second * SECOND, NOW + second * SECOND))
    behind = taken(pulling, (NOW - 30 * DAY, NOW + SECOND))
    assert (behind.earliest, behind.holding) == (NOW - 30 * DAY, None)
    mixed = taken(pulling, (NOW - 30 * DAY, NOW), (NOW - SECOND, NOW), (NOW, NOW))
    assert (mixed.earliest, mixed.holding, mixed.latest) == (NOW - 30 * DAY, NOW - SECOND, NOW)


def test_a_message_that_waited_long_holds_as_any_other(pulling: Pulling) -> None:
    for second in range(10):
        taken(pulling, (NOW + second * SECOND, NOW + second * SECOND))
    waited = taken(pulling, (NOW - DAY, NOW - DAY + 2 * SECOND))
    assert waited.holding == NOW - DAY


def test_a_log_of_long_ago_holds(pulling: Pulling) -> None:
    for second in range(100):
        pulled = taken(pulling, (NOW - 30 * DAY + second * HOUR, NOW + second * SECOND))
        assert pulled.holding == NOW - 30 * DAY + second * HOUR


def test_lag_is_prompt_and_a_millisecond_more_is_not(pulling: Pulling) -> None:
    for _ in range(10):
        taken(pulling, (NOW, NOW))
    at, late = taken(pulling, (NOW - LAG - HOUR, NOW - HOUR)), taken(pulling, (NOW - LAG - 1000, NOW))
    assert (at.holding, late.holding) == (NOW - LAG - HOUR, None)


def test_an_event_later_than_its_publishing_counts_as_of_then(pulling: Pulling) -> None:
    assert taken(pulling, (NOW - MINUTE, NOW - MINUTE), (NOW + 59 * MINUTE, NOW)).latest == NOW
    # Also where it waited until its event had come to pass.
    assert taken(pulling, (NOW - 2 * HOUR + 59 * MINUTE, NOW - 2 * HOUR)).latest == NOW - 2 * HOUR


def test_a_message_of_last_month_every_ten_seconds_costs_the_others_nothing(pulling: Pulling) -> None:
    """Event time comes as far as without it: a hold behind the events."""
    held = HeldWatermark(15.0, 0.0)
    reached = []
    for tenth in range(1, 1_200):
        second, at = tenth / 10, NOW + tenth * SECOND // 10
        events = [(at - 3 * SECOND, at), (at, at)]
        if tenth % 100 == 0:
            events.append((NOW - 30 * DAY, at))
        pulled = taken(pulling, *events)
        assert held.value(second) <= at - 3 * SECOND
        held.received(second, pulled.holding, pulled.latest)
        reached.append(at - held.value(second))
    assert max(reached[400:]) <= 19 * SECOND


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_most_is_more_than_half_of_the_last(prompt: list[bool]) -> None:
    promptness = Promptness(LAG)
    for each in prompt:
        promptness.saw(NOW - (0 if each else DAY), NOW)
    last = prompt[-63:]
    assert promptness.is_usual is (last.count(True) > last.count(False))
