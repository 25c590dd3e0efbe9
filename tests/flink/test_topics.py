"""Events into a topic, with a real broker."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from pipeline.io.kafka.clients import BrokerError, count_partitions, ensure_topic
from pipeline.io.kafka.place import KafkaPlace
from pipeline.io.topics.options import TopicOptions
from pipeline.io.topics.partitions import partitions_of
from pipeline.io.topics.writer import AHEAD, TopicWriter
from pipeline.options.errors import OptionError
from pipeline.streams.heartbeat import HeartbeatOptions, send_heartbeats
from pipeline.streams.replay import ReplayOptions, ReplaySummary, open_source, replay
from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.pacing import Pacer
from pipeline.traffic.simulation import generate
from segmentation.units import SECOND
from tests.cli.commands import START, event, lines, write
from tests.flink.cluster import Cluster
from tests.pipeline.traffic.logs import decode

#: (partition, key, time in ms, value) of a record.
Record = tuple[int, bytes | None, int, bytes]

TRAFFIC = TrafficOptions(
    users=150, days=3, seed=11, disorder=30 * SECOND, duplicates=0.05, malformed=0.03, drift=0.1
)  # fmt: skip


def records_of(url: str) -> list[Record]:
    """All records of a topic, partition by partition."""
    address = KafkaPlace.parse(url, "--from")
    consumer = Consumer({"bootstrap.servers": address.servers, "group.id": "tests", "enable.partition.eof": True})
    records: list[Record] = []
    for partition in range(count_partitions(address)):
        consumer.assign([TopicPartition(address.topic, partition, 0)])
        while (message := consumer.poll(30)) is not None and message.error() is None:
            records.append((partition, message.key(), message.timestamp()[1], message.value() or b""))
        assert message is not None
        ending: Any = message.error()
        assert ending.code() == KafkaError._PARTITION_EOF
    consumer.close()
    return records


def replayed(log: Path, url: str, **options: Any) -> ReplaySummary:
    parsed = ReplayOptions.parse(events=str(log), to=url, **options)
    return replay(parsed, open_source(parsed))


def without_heartbeats(records: list[Record]) -> list[Record]:
    return [record for record in records if b'"heartbeat"' not in record[3]]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    generate(TRAFFIC, str(path))
    return path


def test_generated_topic_holds_the_lines_of_the_file(log: Path, topic: str) -> None:
    generate(TRAFFIC, topic)
    written = log.read_bytes().splitlines()
    records = records_of(topic)
    assert Counter(value for *_, value in records) == Counter(written)
    place = {line: number for number, line in reversed(list(enumerate(written)))}
    again = Counter(written)
    for partition in range(3):
        places = [place[value] for number, *_, value in records if number == partition and again[value] == 1]
        assert places == sorted(places)


def test_users_stay_in_the_partition_that_kafka_gives_their_key(log: Path, topic: str) -> None:
    replayed(log, topic, partitions=4)
    for partition, key, _, value in records_of(topic):
        known = decode(value)
        if known is None:
            assert key is None
        else:
            assert key == known["user_id"].encode()
            assert partitions_of(pl.Series([known["user_id"]]), 4)[0] == partition


def test_partitions_are_those_of_librdkafka(stack: Cluster, topic: str) -> None:
    address = KafkaPlace.parse(topic, "--to")
    ensure_topic(address, 7)
    producer = Producer({"bootstrap.servers": stack.kafka, "partitioner": "murmur2"})
    keys = [f"{'é' * (number % 5)}{number}" for number in range(200)]
    for key in keys:
        producer.produce(address.topic, b"", key)
    assert producer.flush(30) == 0
    found = {key.decode(): partition for partition, key, *_ in records_of(topic) if key is not None}
    assert found == dict(zip(keys, partitions_of(pl.Series(keys), 7).tolist(), strict=True))


def test_record_time_is_event_time_and_of_a_broken_line_that_of_the_line_before(tmp_path: Path, topic: str) -> None:
    content = b"{broken\n" + lines([event(1, hours=1)]) + b"{}\n" + lines([event(2, hours=0.5)]) + b"[\n"
    assert replayed(write(tmp_path / "log.jsonl", content), topic, partitions=1).malformed == 3
    first = START // 1000
    assert [at for _, _, at, _ in records_of(topic)] == [
        *[first + 3_600_000] * 3,
        *[first + 1_800_000] * 2,
    ]


def test_event_at_the_epoch_is_not_taken_for_one_of_now(tmp_path: Path, topic: str) -> None:
    replayed(write(tmp_path / "log.jsonl", lines([event(1) | {"occurred_at": 0}])), topic)
    assert [at for _, _, at, _ in records_of(topic)] == [1]


def test_batches_hold_the_same_lines_in_the_same_order(log: Path, topic: str) -> None:
    single, batched = topic, topic + "-batched"
    replayed(log, single)
    summary = replayed(log, batched, batch=50)
    records, singles = records_of(batched), records_of(single)
    assert summary.records == len(records) < summary.events / 30
    for partition in range(3):
        values = [value.split(b"\n") for number, *_, value in records if number == partition]
        assert max(map(len, values)) == 50
        expected = [value for number, *_, value in singles if number == partition]
        assert [line for value in values for line in value] == expected
    for _, key, at, value in records:
        times = [known["occurred_at"] // 1000 for known in map(decode, value.split(b"\n")) if known is not None]
        assert key is None
        assert at == max(times)


def test_batch_that_is_too_large_for_the_topic_is_split(tmp_path: Path, topic: str) -> None:
    ensure_topic(KafkaPlace.parse(topic, "--to"), 1, {"max.message.bytes": "20000"})
    log = write(tmp_path / "log.jsonl", lines(event(number, note="x" * 3_000) for number in range(20)))
    summary = replayed(log, topic, batch=20)
    values = [value for *_, value in records_of(topic)]
    assert summary.records == len(values) == 4
    assert b"\n".join(values) + b"\n" == log.read_bytes()


def test_line_that_is_too_large_for_the_topic_is_an_error_that_says_so(tmp_path: Path, topic: str) -> None:
    ensure_topic(KafkaPlace.parse(topic, "--to"), 1, {"max.message.bytes": "20000"})
    log = write(tmp_path / "log.jsonl", lines([event(1, note="x" * 30_000)]))
    with pytest.raises(BrokerError, match=r"--to: .*the topic's max\.message\.bytes has to allow it"):
        replayed(log, topic)


def test_finish_beats_in_every_partition_at_the_last_event_but_later_as_a_record(log: Path, topic: str) -> None:
    summary = replayed(log, topic, partitions=5, finish=True)
    assert summary.latest is not None
    beats = [record for record in records_of(topic) if b'"heartbeat"' in record[3]]
    assert [partition for partition, *_ in beats] == [0, 1, 2, 3, 4]
    for partition, key, at, value in beats:
        assert key is None
        assert at == (summary.latest + AHEAD) // 1000
        expected = {"event_id": f"heartbeat-{summary.latest}-{partition}", "user_id": "", "name": "heartbeat"}
        assert json.loads(value) == expected | {"occurred_at": summary.latest}


def test_last_event_is_the_last_that_is_one(tmp_path: Path, topic: str) -> None:
    content = lines([event(1), event(2, hours=2), event(3, hours=10**6), event(4, hours=1)])
    assert replayed(write(tmp_path / "log.jsonl", content), topic, finish=True).latest == START + 2 * 3_600_000_000


def test_generate_finishes_and_batches_like_replay(log: Path, topic: str) -> None:
    generate(TRAFFIC, topic, topic=TopicOptions(batch=20, partitions=2, finish=True))
    replayed(log, topic + "-replayed", batch=20, partitions=2, finish=True)
    assert records_of(topic) == records_of(topic + "-replayed")


def test_pace_is_kept(log: Path, topic: str) -> None:
    waits: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    options = ReplayOptions.parse(events=str(log), to=topic, rate="500/s")
    told: list[int] = []
    pacer = Pacer(options.rate, lambda: now[0], sleep)
    summary = replay(options, open_source(options), lambda done, _: told.append(done), pacer)
    assert told[:2] == [50, 100]
    assert told[-1] == summary.events
    assert sum(waits) == pytest.approx(told[-2] / 500)


def test_interrupted_replay_delivers_what_it_has_sent(log: Path, topic: str) -> None:
    told: list[int] = []

    def interrupt(done: int, _: int) -> None:
        told.append(done)
        if len(told) == 3:
            raise KeyboardInterrupt

    options = ReplayOptions.parse(events=str(log), to=topic, rate="1000/s")
    with pytest.raises(KeyboardInterrupt):
        replay(options, open_source(options), interrupt, Pacer(1000, lambda: 0.0, lambda _: None))
    assert len(records_of(topic)) == told[-1] == 300


def test_other_number_of_partitions_than_the_topic_has(log: Path, topic: str) -> None:
    replayed(log, topic, partitions=2)
    with pytest.raises(OptionError, match=r"--partitions: kafka://.* exists and has 2, not 3"):
        replayed(log, topic, partitions=3)


def test_heartbeats_reach_every_partition(topic: str) -> None:
    KafkaPlace.parse(topic, "--to").event_topic(make=True, partitions=4)
    now = [START / SECOND]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    summary = send_heartbeats(HeartbeatOptions.parse(to=topic, every="2s", count=3), None, lambda: now[0], sleep)
    assert (summary.partitions, summary.beats, summary.latest) == (4, 3, START + 4 * SECOND)
    assert slept == [2.0, 2.0]
    for partition, _, at, value in records_of(topic):
        beat = json.loads(value)
        assert beat["event_id"] == f"heartbeat-{beat['occurred_at']}-{partition}"
        assert at == beat["occurred_at"] // 1000
    assert Counter(at for _, _, at, _ in records_of(topic)) == dict.fromkeys(
        (START // 1000, START // 1000 + 2_000, START // 1000 + 4_000), 4
    )


def test_heartbeat_into_a_topic_that_is_not_there(topic: str) -> None:
    with pytest.raises(BrokerError, match="--to: there is no topic"):
        send_heartbeats(HeartbeatOptions.parse(to=topic, count=1))


def test_paced_writer_outlives_a_restart_of_the_broker(stack: Cluster, log: Path, topic: str) -> None:
    written = log.read_bytes().splitlines()
    generate(replace(TRAFFIC, users=1, days=1), topic)  # makes the topic
    before = len(records_of(topic))
    told: list[int] = []

    def fail(done: int, _: int) -> None:
        told.append(done)
        if len(told) == 5:
            stack.kill("broker")
            stack.start("broker")

    options = ReplayOptions.parse(events=str(log), to=topic, rate="1000/s")
    replay(options, open_source(options), fail, Pacer(1000, lambda: 0.0, lambda _: None))
    records = records_of(topic)
    assert len(told) > 5
    assert len(records) == before + len(written)


def test_writer_without_lines_writes_nothing(topic: str) -> None:
    with TopicWriter(KafkaPlace.parse(topic, "--to").event_topic(make=True)) as writer:
        writer.finish()
    assert records_of(topic) == []
