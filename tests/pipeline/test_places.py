"""Which runner reads and writes what, and where things go when nothing is said."""

from typing import Any

import pytest

from pipeline.inputs import key_source
from pipeline.io.kafka.place import KafkaPlace
from pipeline.io.pubsub.address import EMULATOR
from pipeline.io.pubsub.place import PubsubPlace
from pipeline.options.errors import OptionError
from pipeline.options.run_arguments import RunArguments
from pipeline.options.run_options import RunOptions
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY

FILE = "events.jsonl"
KAFKA = "kafka://127.0.0.1:9092/events"
PUBSUB = "pubsub://project/subscriptions/events"
CHANGES = "pubsub://project/topics/changes"


def parse(events: str, changes: str = CHANGES, **more: Any) -> RunOptions:
    return RunOptions.parse(RunArguments(rules="rules.yaml", events=events, changes=changes, **more))


@pytest.mark.parametrize(
    ("events", "runner", "chosen"),
    [
        (FILE, None, "FnApiRunner"),
        (FILE, "prism", "PrismRunner"),
        (KAFKA, None, "FlinkRunner"),
        (PUBSUB, None, "PrismRunner"),
        (PUBSUB, "flink", "FlinkRunner"),
    ],
)
def test_runner(events: str, runner: str | None, chosen: str) -> None:
    assert parse(events, runner=runner).runner == chosen


@pytest.mark.parametrize(
    ("events", "runner", "said"),
    [
        (FILE, "flink", "FlinkRunner does not read files, FnApiRunner and PrismRunner do; `segments replay`"),
        (KAFKA, "prism", "PrismRunner does not read kafka://, FlinkRunner does; write --runner FlinkRunner"),
        (PUBSUB, "direct", "FnApiRunner does not read pubsub://, PrismRunner and"),
    ],
)
def test_runner_that_does_not_read_it(events: str, runner: str, said: str) -> None:
    with pytest.raises(OptionError, match=r"^--runner: ") as caught:
        parse(events, runner=runner)
    assert said in str(caught.value)


def test_live_defaults_are_those_of_kafka() -> None:
    kafka, pubsub, file = parse(KAFKA), parse(PUBSUB), parse(FILE)
    for name in ("live", "early", "max_disorder", "shards"):
        assert getattr(pubsub, name) == getattr(kafka, name) != getattr(file, name)


@pytest.mark.parametrize("runner", ["prism", "flink"])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("changes", "changes.jsonl"),
        ("dead_letters", "letters.jsonl"),
        ("audit", "audit.jsonl"),
        ("profiles", "sqlite:///profiles.db"),
        ("until", "2026-01-01T00:00:00Z"),
    ],
)
def test_live_run_that_would_need_an_end(runner: str, option: str, value: str) -> None:
    with pytest.raises(OptionError, match=f"^--{option.replace('_', '-')}: "):
        parse(PUBSUB, **{"runner": runner, option: value})


def test_dead_letters_go_beside_the_changes() -> None:
    beside = parse(PUBSUB).dead_letters
    assert beside == PubsubPlace.parse(f"{CHANGES}.dead-letters", "--dead-letters", reads=False)
    kafka = parse(KAFKA, "kafka://127.0.0.1:9092/changes").dead_letters
    assert kafka == KafkaPlace.parse("kafka://127.0.0.1:9092/changes.dead-letters", "--dead-letters", reads=False)


@pytest.mark.parametrize(
    ("emulator", "dead_letters", "local"),
    [
        ("127.0.0.1:8085", None, True),
        ("localhost:8085", "kafka://127.0.0.1:9092/letters", True),
        ("127.0.0.1:8085", "kafka://broker:9092/letters", False),
        ("pubsub.example:8085", None, False),
        (None, None, False),
        (None, "letters.jsonl", False),
    ],
)
def test_demo_keys_are_for_topics_on_this_machine(
    emulator: str | None, dead_letters: str | None, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (STATE_KEY, PUBLISH_KEY, f"{STATE_KEY}_FILE", f"{PUBLISH_KEY}_FILE", EMULATOR):
        monkeypatch.delenv(name, raising=False)
    if emulator is not None:
        monkeypatch.setenv(EMULATOR, emulator)
    options = parse(FILE, dead_letters=dead_letters)
    assert key_source(options).demo is local
