"""Topics as sinks on a real broker: what arrives, and that what does not arrive fails the run."""

import dataclasses
import os
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import polars as pl
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from confluent_kafka import Consumer

from pipeline.clock import wall_clock
from pipeline.io.kafka.clients import (
    BrokerError,
    consumer_config,
    count_partitions,
    ensure_topic,
    requests_in_flight,
)
from pipeline.io.kafka.place import KafkaPlace
from pipeline.io.kafka.sender import KafkaSender
from pipeline.io.outputs import Output
from pipeline.io.topics.partitions import partitions_of
from schemas.codec import decode_single_object
from schemas.records import from_record
from schemas.types import DeadLetter, SegmentChange
from segmentation.columns.frames import encode_frames
from segmentation.units import MILLISECOND
from tests.flink.cluster import Cluster
from tests.pipeline.io.changes import consistent_log, frame

DEADLINE = 60.0
LETTER = DeadLetter("undecodable", "E", "why", "DecodeEvents", "kafka://b:1/t/3", 7, b"\xff" * 100, 5)


@pytest.fixture
def make_address(stack: Cluster) -> Callable[..., KafkaPlace]:
    """Makes a topic with some settings."""

    def make(partitions: int = 1, **config: str) -> KafkaPlace:
        topic = f"t{uuid.uuid4().hex[:8]}"
        address = KafkaPlace.parse(f"kafka://{stack.kafka}/{topic}?group={topic}", "--changes")
        assert ensure_topic(address, partitions, {name.replace("_", "."): value for name, value in config.items()})
        return address

    return make


def send(sink: beam.PTransform[Any, Any], elements: list[Any]) -> None:
    """Run a sink over some elements."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create(elements) | "Write" >> sink


def frames_of(log: list[SegmentChange]) -> list[bytes]:
    """A log as the steps before the sink hand it over."""
    parts = frame(*log).drop("emitted_at", "trace_context").iter_slices(100)
    return [encode_frames({}, {"changes": part}) for part in parts]


def read(address: KafkaPlace, count: int) -> list[Any]:
    """The first messages of a topic."""
    consumer = Consumer(consumer_config(address))
    consumer.subscribe([address.topic])
    found: list[Any] = []
    end = time.monotonic() + DEADLINE
    while len(found) < count and time.monotonic() < end:
        found += consumer.consume(count, 0.5)
    consumer.close()
    assert [message.error() for message in found] == [None] * count
    return found


def test_changes_arrive_with_key_time_and_headers(make_address: Callable[..., KafkaPlace]) -> None:
    address = make_address(partitions=3)
    log = consistent_log([(n % 7, n % 3) for n in range(250)])
    before = wall_clock()
    send(address.sink(Output.CHANGES), frames_of(log))
    messages = read(address, len(log))
    found = [from_record(SegmentChange, decode_single_object("segment_change", each.value())) for each in messages]
    assert all(before <= change.emitted_at <= wall_clock() for change in found)
    expected = {change.change_id: change for change in log}
    assert {each.change_id: dataclasses.replace(each, emitted_at=log[0].emitted_at) for each in found} == expected
    partitions = partitions_of(pl.Series([change.subject_id for change in found]), 3).tolist()
    for message, change, partition in zip(messages, found, partitions, strict=True):
        assert message.key() == change.subject_id.encode()
        assert message.partition() == partition
        assert message.timestamp()[1] == change.effective_at // MILLISECOND
        assert message.headers() == [("content-type", b"avro/binary"), ("schema", b"segments.v1.SegmentChange")]


def test_changes_of_a_subject_arrive_in_their_order(make_address: Callable[..., KafkaPlace]) -> None:
    address = make_address(partitions=2)
    send(address.sink(Output.CHANGES), frames_of(consistent_log([(n % 5, 0) for n in range(500)])))
    sequences: dict[str, list[int]] = {}
    for message in read(address, 500):
        record = decode_single_object("segment_change", message.value())
        sequences.setdefault(record["subject_id"], []).append(record["sequence"])
    assert list(sequences.values()) == [list(range(1, 101))] * 5


def test_dead_letters_arrive_and_those_too_large_are_cut(make_address: Callable[..., KafkaPlace]) -> None:
    address = make_address(max_message_bytes="100000")
    letters = [dataclasses.replace(LETTER, payload=b"\xff" * size) for size in (0, 90_000, 100_000, 3_000_000)]
    send(address.sink(Output.DEAD_LETTERS), letters)
    messages = read(address, 4)
    found = [from_record(DeadLetter, decode_single_object("dead_letter", each.value())) for each in messages]
    assert found[:2] == letters[:2]
    assert all("of 100000 bytes: the topic takes no more" in each.error for each in found[2:3])
    assert all(len(each.payload) > 98_000 for each in found[2:])
    assert messages[0].headers() == [("content-type", b"avro/binary"), ("schema", b"segments.v1.DeadLetter")]


def test_message_that_is_refused_fails_the_run(make_address: Callable[..., KafkaPlace]) -> None:
    address = make_address(message_timestamp_before_max_ms="1000")
    with pytest.raises(Exception, match=r"--changes: kafka://\S+: .*timestamp"):
        send(address.sink(Output.CHANGES), frames_of(consistent_log([(1, 1)])))


def test_topic_that_is_missing_fails_the_run(stack: Cluster) -> None:
    address = KafkaPlace.parse(f"kafka://{stack.kafka}/missing", "--dead-letters")
    with pytest.raises(BrokerError, match="--dead-letters: there is no topic missing"):
        count_partitions(address)
    with pytest.raises(Exception, match=r"--dead-letters: kafka://\S+/missing: "):
        send(address.sink(Output.DEAD_LETTERS), [LETTER])


@pytest.mark.parametrize(("partitions", "expected"), [(1, 1), (2, 1), (3, 2), (6, 5), (12, 5)])
def test_requests_under_way_are_fewer_than_partitions(
    make_address: Callable[..., KafkaPlace], partitions: int, expected: int
) -> None:
    assert requests_in_flight(make_address(partitions)) == expected


@pytest.mark.parametrize("partitions", [2, 3])
def test_slow_broker_is_waited_for_without_work(
    make_address: Callable[..., KafkaPlace], stack: Cluster, partitions: int
) -> None:
    """librdkafka's own threads would take a core as long as the broker owes an answer."""
    sender = KafkaSender(make_address(partitions))
    for number in range(100):
        sender.send(Output.CHANGES, b"x", "", f"s{number}", 0)
    sender.flush()
    os.kill(stack.pid("broker"), signal.SIGSTOP)
    try:
        before, start = time.process_time() - time.thread_time(), time.monotonic()
        for number in range(20_000):
            sender.send(Output.CHANGES, b"x" * 100, "", f"s{number}", 0)
        time.sleep(1)  # what is measured: a second in which nothing can be done
        worked, passed = time.process_time() - time.thread_time() - before, time.monotonic() - start
    finally:
        os.kill(stack.pid("broker"), signal.SIGCONT)
    sender.flush()
    sender.close()
    assert worked < 0.4 * passed, f"{worked:.2f} s of work in {passed:.2f} s"


def test_topic_is_made_once(make_address: Callable[..., KafkaPlace]) -> None:
    address = make_address(partitions=3)
    assert not ensure_topic(address, 5)
    assert count_partitions(address) == 3
