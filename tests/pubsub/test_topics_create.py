"""``segments topics create`` against an emulator: what is missing is made, what differs is changed, nothing else."""

import json
from pathlib import Path

import pytest
from google.pubsub_v1 import SchemaServiceClient
from google.pubsub_v1.types import Subscription
from typer.testing import CliRunner

from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.clients import schema_client
from pipeline.main import app
from schemas.registry import load_schema
from tests.pubsub.project import Project

FILE = """\
schemas:
  segment-change: {avro: segment_change}
topics:
  events:
    retention: 1d
    subscriptions:
      segments: {ack_deadline: 30s, dead_letter: {topic: undelivered, attempts: 7}}
  changes:
    subscriptions:
      router: {ordered: true, retention: 2d, retain_acked: true}
  undelivered:
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "topics.yaml"
    file.write_text(FILE)
    return file


def create(pubsub: Project, config: Path, *options: str) -> list[str]:
    told = CliRunner().invoke(app, ["topics", "create", "--config", str(config), "--project", pubsub.id, *options])
    assert told.exit_code == 0, told.output
    return told.output.splitlines()


def refused(pubsub: Project, config: Path) -> str:
    told = CliRunner().invoke(app, ["topics", "create", "--config", str(config), "--project", pubsub.id])
    assert told.exit_code == 2
    return told.output


def subscription(pubsub: Project, name: str) -> Subscription:
    return pubsub.subscriber.get_subscription(subscription=pubsub.path("subscriptions", name))


def schemas(pubsub: Project) -> SchemaServiceClient:
    return schema_client(PubsubAddress(pubsub.id, "topics", "any"))


def test_everything_is_made_and_the_second_time_nothing(pubsub: Project, config: Path) -> None:
    assert create(pubsub, config) == [
        "create schema segment-change",
        "create topic events",
        "create topic changes",
        "create topic undelivered",
        "create subscription segments",
        "create subscription router",
        "6 done",
    ]
    segments, router = subscription(pubsub, "segments"), subscription(pubsub, "router")
    assert (segments.ack_deadline_seconds, segments.enable_message_ordering) == (30, False)
    assert segments.dead_letter_policy.dead_letter_topic == pubsub.path("topics", "undelivered")
    assert segments.dead_letter_policy.max_delivery_attempts == 7
    assert (router.ack_deadline_seconds, router.enable_message_ordering) == (60, True)
    assert (router.message_retention_duration.days, router.retain_acked_messages) == (2, True)
    assert "expiration_policy" in router
    assert not router.expiration_policy.ttl, "it never expires"
    topic = pubsub.publisher.get_topic(topic=pubsub.path("topics", "events"))
    assert topic.message_retention_duration.days == 1
    definition = schemas(pubsub).get_schema(name=pubsub.path("schemas", "segment-change")).definition
    assert json.loads(definition) == load_schema("segment_change")
    assert [line.split()[0] for line in create(pubsub, config)] == ["unchanged"] * 6 + ["0"]


def test_dry_run_says_what_it_would_do_and_does_nothing(pubsub: Project, config: Path) -> None:
    assert create(pubsub, config, "--dry-run")[1] == "would create topic events"
    assert create(pubsub, config, "--dry-run")[-1] == "6 to do"
    assert not list(pubsub.publisher.list_topics(project=f"projects/{pubsub.id}"))


def test_what_differs_is_changed_and_what_is_not_said_stays(pubsub: Project, config: Path) -> None:
    create(pubsub, config)
    text = FILE.replace("ack_deadline: 30s", "ack_deadline: 40s").replace("retention: 1d", "retention: 3d")
    config.write_text(text.replace(", retention: 2d", "").replace("avro: segment_change", "avro: event"))
    assert [line for line in create(pubsub, config) if not line.startswith("unchanged")] == [
        "change definition of schema segment-change",
        "change message_retention_duration of topic events",
        "change ack_deadline_seconds of subscription segments",
        "3 done",
    ]
    assert subscription(pubsub, "segments").ack_deadline_seconds == 40
    assert subscription(pubsub, "segments").dead_letter_policy.max_delivery_attempts == 7
    assert subscription(pubsub, "router").message_retention_duration.days == 2
    assert pubsub.publisher.get_topic(topic=pubsub.path("topics", "events")).message_retention_duration.days == 3
    assert create(pubsub, config)[-1] == "0 done"


def test_what_a_subscription_is_for_ever_is_refused(pubsub: Project, config: Path) -> None:
    create(pubsub, config)
    config.write_text(FILE.replace("ordered: true", "ordered: false"))
    assert "--config: subscription router: its enable_message_ordering is True for ever" in refused(pubsub, config)


def test_topic_checks_messages_by_a_schema(pubsub: Project, config: Path) -> None:
    config.write_text("schemas: {own: {avro: event}}\ntopics: {events: {schema: own, encoding: json}}\n")
    create(pubsub, config)
    settings = pubsub.publisher.get_topic(topic=pubsub.path("topics", "events")).schema_settings
    assert (settings.schema, settings.encoding.name) == (pubsub.path("schemas", "own"), "JSON")
    assert create(pubsub, config)[-1] == "0 done"


def test_mistake_in_the_file_has_its_place(pubsub: Project, config: Path) -> None:
    config.write_text(FILE.replace("ack_deadline: 30s", "ack_deadline: 3s"))
    assert f"{config}:7:32: ack_deadline must be 10s to 10m" in refused(pubsub, config)


def test_service_that_is_not_there_is_an_error(pubsub: Project, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    assert "PUBSUB_EMULATOR_HOST is 127.0.0.1:1" in refused(pubsub, config)
