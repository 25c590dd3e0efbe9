"""`generate`, `replay` and `heartbeat` into a topic of Pub/Sub."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from google.cloud.pubsub_v1.types import PubsubMessage

from pipeline.io.places import parse_topic
from pipeline.io.topics.event_lines import EventLineReader
from pipeline.io.topics.options import TopicOptions
from pipeline.io.topics.writer import AHEAD, TopicWriter
from pipeline.streams.heartbeat import HeartbeatOptions, send_heartbeats
from pipeline.streams.replay import ReplayOptions, ReplaySummary, open_source, replay
from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.pacing import Pacer
from pipeline.traffic.simulation import generate
from segmentation.units import SECOND
from tests.cli.commands import START, event, lines, segments, write
from tests.pipeline.traffic.logs import decode
from tests.pubsub.project import Project
from transforms.raw_chunk import RawChunk

TRAFFIC = TrafficOptions(
    users=150, days=3, seed=11, disorder=30 * SECOND, duplicates=0.05, malformed=0.03, drift=0.1
)  # fmt: skip


def replayed(log: Path, url: str, **options: Any) -> ReplaySummary:
    parsed = ReplayOptions.parse(events=str(log), to=url, **options)
    return replay(parsed, open_source(parsed))


def time_of(message: PubsubMessage) -> int:
    return int(message.attributes["occurred_at"])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    generate(TRAFFIC, str(path))
    return path


@pytest.fixture
def topic(pubsub: Project) -> str:
    """The address of a topic with an ordered subscription."""
    return pubsub.topic("events", "sub", enable_message_ordering=True)


def test_every_line_arrives_once_and_those_of_a_user_in_their_order(log: Path, topic: str, pubsub: Project) -> None:
    generate(TRAFFIC, topic)
    written = log.read_bytes().splitlines()
    messages = pubsub.receive("sub", len(written))
    assert Counter(message.data for message in messages) == Counter(written)
    assert pubsub.is_empty("sub")
    expected: dict[str, list[bytes]] = defaultdict(list)
    for line in written:
        known = decode(line)
        expected["" if known is None else known["user_id"]].append(line)
    found: dict[str, list[bytes]] = defaultdict(list)
    for message in messages:
        found[message.ordering_key].append(message.data)
    assert sorted(found.pop("")) == sorted(expected.pop(""))
    assert found == expected


def test_message_has_the_time_of_its_event_and_the_type_of_its_data(log: Path, topic: str, pubsub: Project) -> None:
    summary = replayed(log, topic)
    for message in pubsub.receive("sub", summary.events):
        known = decode(message.data)
        assert known is None or time_of(message) == known["occurred_at"] // 1_000
        assert message.attributes["content-type"] == "application/json"


def test_batches_hold_the_same_lines_in_the_same_order(log: Path, topic: str, pubsub: Project) -> None:
    summary = replayed(log, topic, batch=50)
    messages = pubsub.receive("sub", summary.records)
    assert len(messages) == summary.records == -(-summary.events // 50)
    place = {line: number for number, line in reversed(list(enumerate(log.read_bytes().splitlines())))}
    batches = [message.data.split(b"\n") for message in messages]
    batches.sort(key=lambda batch: min(place[line] for line in batch))
    assert Counter(line for batch in batches for line in batch) == Counter(log.read_bytes().splitlines())
    assert [len(batch) for batch in batches[:-1]] == [50] * (len(batches) - 1)
    for message in messages:
        times = [known["occurred_at"] // 1_000 for known in map(decode, message.data.split(b"\n")) if known is not None]
        assert (message.ordering_key, message.attributes["content-type"]) == ("", "application/x-ndjson")
        assert time_of(message) == max(times)


def test_batch_that_is_too_large_for_a_message_is_split(topic: str, pubsub: Project) -> None:
    data = lines(event(number, note="x" * 900_000) for number in range(20))
    with TopicWriter(parse_topic(topic, "--to").event_topic(make=True), batch=20) as writer:
        writer.write(EventLineReader(None).lines(RawChunk("log", "json", 1, data), START))
    values = [message.data for message in pubsub.receive("sub", writer.records)]
    assert writer.records == len(values) == 2
    assert sorted(line for value in values for line in value.split(b"\n")) == sorted(data.splitlines())


def test_finish_beats_at_the_last_event_but_later_as_a_message(log: Path, topic: str, pubsub: Project) -> None:
    summary = replayed(log, topic, batch=100, finish=True)
    assert summary.latest is not None
    [beat] = [each for each in pubsub.receive("sub", summary.records) if b'"heartbeat"' in each.data]
    assert (beat.ordering_key, time_of(beat)) == ("", (summary.latest + AHEAD) // 1_000)
    expected = {"event_id": f"heartbeat-{summary.latest}-0", "user_id": "", "name": "heartbeat"}
    assert json.loads(beat.data) == expected | {"occurred_at": summary.latest}


def test_generate_finishes_and_batches_like_replay(log: Path, topic: str, pubsub: Project) -> None:
    replayed(log, topic, batch=20, finish=True)
    sent = {(message.data, time_of(message)) for message in pubsub.receive("sub", 1_000, seconds=2)}
    generate(TRAFFIC, topic, topic=TopicOptions(batch=20, finish=True))
    assert {(message.data, time_of(message)) for message in pubsub.receive("sub", len(sent))} == sent


def test_user_id_that_is_too_long_for_a_key_keeps_its_order(tmp_path: Path, topic: str, pubsub: Project) -> None:
    events = [event(number, user="é" * 600) for number in range(50)]
    replayed(write(tmp_path / "log.jsonl", lines(events)), topic)
    messages = pubsub.receive("sub", 50)
    assert [json.loads(message.data)["event_id"] for message in messages] == [f"e{number}" for number in range(50)]
    assert len({message.ordering_key for message in messages}) == 1
    assert 0 < len(messages[0].ordering_key) <= 1_024


def test_interrupted_replay_delivers_what_it_has_sent(log: Path, topic: str, pubsub: Project) -> None:
    told: list[int] = []

    def interrupt(done: int, _: int) -> None:
        told.append(done)
        if len(told) == 3:
            raise KeyboardInterrupt

    options = ReplayOptions.parse(events=str(log), to=topic, rate="1000/s")
    with pytest.raises(KeyboardInterrupt):
        replay(options, open_source(options), interrupt, Pacer(1000, lambda: 0.0, lambda _: None))
    assert len(pubsub.receive("sub", 300)) == told[-1] == 300


def test_heartbeats_go_out_one_after_the_other(topic: str, pubsub: Project) -> None:
    now = [START / SECOND]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    summary = send_heartbeats(HeartbeatOptions.parse(to=topic, every="2s", count=3), None, lambda: now[0], sleep)
    assert (summary.partitions, summary.beats, summary.latest) == (1, 3, START + 4 * SECOND)
    beats = pubsub.receive("sub", 3)
    expected = [START, START + 2 * SECOND, START + 4 * SECOND]
    assert sorted(json.loads(beat.data)["occurred_at"] for beat in beats) == expected
    assert sorted(map(time_of, beats)) == [at // 1_000 for at in expected]


def test_topic_is_made_by_who_writes_a_log_and_not_by_heartbeats(log: Path, pubsub: Project) -> None:
    url = pubsub.url("topics", "new")
    done = segments("heartbeat", "--to", url, "--count", 1)
    said = f"--to: there is no topic {url}; `segments topics create` makes one\n"
    assert (done.code, done.out, done.err) == (2, "", said)
    done = segments("replay", "--events", log, "--to", url, "--batch", "1000")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{url}: ")
    assert "partitions" not in done.out
    done = segments("heartbeat", "--to", url, "--count", 1)
    assert (done.code, done.out) == (0, f"{url}: 1 heartbeats\n")


@pytest.mark.parametrize(
    ("host", "said"),
    [("127.0.0.1:1", "(PUBSUB_EMULATOR_HOST is 127.0.0.1:1)"), ("", "there are no credentials; log in with `gcloud")],
)
def test_nobody_there_is_said_at_once(
    host: str, said: str, pubsub_host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    url = "pubsub://project/topics/events"
    for command in (
        ["heartbeat", "--to", url, "--count", 1],
        ["generate", "--users", 1, "--days", 1, "--out", url],
        ["tail", "--from", url],
    ):
        done = segments(*command)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"--{'out' if command[0] == 'generate' else command[1][2:]}: {url}: ")
        assert said in done.err
