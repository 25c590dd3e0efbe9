"""A log into a topic, as far as it goes without a broker: what can't be used is said, and names its option."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.io.files.log_stream import InputError
from pipeline.io.kafka import clients as kafka_clients
from pipeline.io.kafka.clients import BrokerError
from pipeline.io.topics.errors import AddressError
from pipeline.io.topics.options import TopicOptions
from pipeline.options.errors import OptionError
from pipeline.streams.heartbeat import DEFAULT_EVERY, HeartbeatOptions, send_heartbeats
from pipeline.streams.replay import ReplayOptions, open_source, replay
from pipeline.traffic.options import TrafficOptionError
from segmentation.units import MINUTE, SECOND
from tests.cli.commands import EVENTS, START, lines, write

NOBODY = "kafka://127.0.0.1:1/events"


def test_every_option_is_read() -> None:
    options = ReplayOptions.parse(
        events="log.jsonl", to=NOBODY, mapping="m.yaml", rate="90/m", batch=100, partitions=5, finish=True
    )
    assert (options.events, options.to.url, options.mapping, options.rate) == ("log.jsonl", NOBODY, "m.yaml", 1.5)
    assert options.topic == TopicOptions(batch=100, partitions=5, finish=True)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"to": "events"}, AddressError, "--to: expected kafka://HOST:PORT/TOPIC"),
        ({"to": NOBODY + "?start=latest"}, AddressError, "--to: start is for reading"),
        ({"to": "pubsub://project/subscriptions/events"}, AddressError, "--to: a subscription can't be written to"),
        ({"to": "pubsub://project/topics/events", "partitions": 3}, OptionError, "--partitions: a topic of Pub/Sub"),
        ({"rate": "fast"}, TrafficOptionError, "--rate: 'fast' is not a rate"),
        ({"batch": 0}, OptionError, "--batch: expected 1 to 10000, found 0"),
        ({"batch": 10_001}, OptionError, "--batch: expected 1 to 10000"),
        ({"partitions": 0}, OptionError, "--partitions: expected 1 to 1000, found 0"),
    ],
)
def test_value_that_cannot_be_used(changed: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as raised:
        ReplayOptions.parse(**{"events": "log.jsonl", "to": NOBODY} | changed)
    assert str(raised.value).startswith(said)


def test_log_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "events.jsonl", b"")
    options = ReplayOptions.parse(events=str(tmp_path / "event.jsonl"), to=NOBODY)
    with pytest.raises(InputError, match=r"no such file or directory; did you mean 'events\.jsonl'\?"):
        open_source(options)


def test_csv_without_a_column_that_is_needed(tmp_path: Path) -> None:
    log = write(tmp_path / "events.csv", "event_id,user,name,occurred_at\n")
    with pytest.raises(InputError, match=r"no column 'user_id'.*did you mean 'user'\?"):
        open_source(ReplayOptions.parse(events=str(log), to=NOBODY))


def test_broker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kafka_clients, "ANSWER_SECONDS", 0.2)
    options = ReplayOptions.parse(events=str(write(tmp_path / "events.jsonl", lines(EVENTS))), to=NOBODY)
    with pytest.raises(BrokerError, match=f"--to: {NOBODY}: "):
        replay(options, open_source(options))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, (DEFAULT_EVERY, None, None)),
        ({"every": "1m", "count": 3}, (MINUTE, None, 3)),
        ({"at": "2026-01-01T00:00:00Z"}, (DEFAULT_EVERY, START, 1)),
        ({"at": "2026-01-01T00:00:00Z", "count": 2}, (DEFAULT_EVERY, START, 2)),
    ],
)
def test_heartbeat_options(texts: dict[str, Any], expected: tuple[int, int | None, int | None]) -> None:
    options = HeartbeatOptions.parse(to=NOBODY, **texts)
    assert (options.every, options.at, options.count) == expected


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"every": "soon"}, "--every: 'soon' is not a duration"),
        ({"every": "0s"}, "--every: expected more than nothing and at most an hour"),
        ({"every": "2h"}, "--every: expected more than nothing and at most an hour"),
        ({"at": "noon"}, "--at: "),
        ({"at": "2026-01-01T00:00:00"}, "names no time zone"),
        ({"at": "1969-12-31T00:00:00Z"}, "--at: expected a time after 1970"),
        ({"count": 0}, "--count: expected at least 1, found 0"),
    ],
)
def test_heartbeat_option_that_cannot_be_used(texts: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as raised:
        HeartbeatOptions.parse(to=NOBODY, **texts)
    assert said in str(raised.value)


def test_heartbeat_that_the_pipeline_would_refuse() -> None:
    options = HeartbeatOptions.parse(to=NOBODY, at="2026-01-01T01:00:01Z")
    with pytest.raises(OptionError, match="--at: the pipeline refuses events more than 1h ahead of the clock"):
        send_heartbeats(options, clock=lambda: START / SECOND)
