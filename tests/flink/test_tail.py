"""`segments tail`: a topic of changes and dead letters, readable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from pipeline.io.files.writers import ChangesWriter
from pipeline.io.kafka.address import KafkaAddress
from pipeline.io.kafka.clients import BrokerError, ensure_topic
from pipeline.streams.tail import TailOptions, TailSummary, tail
from schemas.codec import encode_single_object
from schemas.records import to_record
from schemas.types import DeadLetter
from tests.cli.commands import START
from tests.flink.cluster import Cluster
from tests.pipeline.io.changes import consistent_log, frame

LETTER = DeadLetter("undecodable", "E", "no JSON", "DecodeEvents", "kafka://b:1/t/3", 7, b"\x00\xff", START)


@pytest.fixture
def changes(stack: Cluster, topic: str) -> str:
    """A topic of 500 changes in two partitions, a dead letter, and a message that is neither."""
    address = KafkaAddress.parse(topic, "--to")
    ensure_topic(address, 2)
    producer = Producer({"bootstrap.servers": stack.kafka})
    for number, change in enumerate(consistent_log([(n % 7, n % 3) for n in range(500)])):
        value = encode_single_object("segment_change", to_record(change))
        producer.produce(address.topic, value, change.subject_id, number % 2)
    producer.produce(address.topic, encode_single_object("dead_letter", to_record(LETTER)), partition=1)
    producer.produce(address.topic, b"junk", partition=0)
    assert producer.flush(30) == 0
    return topic


def tailed(
    url: str, show: Callable[[str], None] | None = None, warn: Callable[[str], None] | None = None, **options: Any
) -> TailSummary:
    return tail(TailOptions.parse(source=url, **options), show, warn or [].append)


def test_tail_writes_what_the_file_of_changes_would_hold(changes: str, tmp_path: Path) -> None:
    warned: list[str] = []
    shown: list[str] = []
    path = tmp_path / "tail.jsonl"
    summary = tailed(changes, shown.append, warned.append, jsonl=str(path), until_idle="500ms")
    assert summary == TailSummary(changes=500, dead_letters=1, undecodable=1)
    assert warned == [
        "partition 0, offset 250: neither a change nor a dead letter nor an audit record: it begins with 6a 75 6e 6b"
    ]
    assert len(shown) == 501
    with ChangesWriter(str(tmp_path / "file.jsonl")) as file:
        file.write(frame(*consistent_log([(n % 7, n % 3) for n in range(500)])))
    found = path.read_text().splitlines()
    assert sorted(line for line in found if "undecodable" not in line) == sorted(
        (tmp_path / "file.jsonl").read_text().splitlines()
    )
    assert sum("AP8=" in line for line in found) == 1


def test_tail_ends_after_a_number_of_messages(changes: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert tailed(changes, jsonl="-", until_count=7).messages == 7
    assert len(capsysbinary.readouterr().out.splitlines()) == 7


def test_tail_of_the_end_sees_only_what_comes(stack: Cluster, changes: str) -> None:
    assert tailed(changes + "?start=latest", until_idle="500ms").messages == 0


def test_tail_of_a_topic_that_is_not_there(changes: str) -> None:
    name = changes.rpartition("/")[2]
    with pytest.raises(BrokerError, match=f"--from: there is no topic {name}s .*did you mean '{name}'"):
        tailed(changes + "s")
