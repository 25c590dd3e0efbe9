"""Reads a file of topics; every error of it is found in one go, each with its line and column."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ruamel.yaml.nodes import Node, ScalarNode

from pipeline.io.pubsub.address import NAME_RULE, is_name, is_project
from schemas.errors import SchemaError
from schemas.registry import load_schema
from segmentation.documents.problems import DocumentError, Problem
from segmentation.documents.reader import Entry, Reader
from segmentation.documents.suggestions import did_you_mean
from segmentation.documents.yaml import compose, read_text
from segmentation.units import DAY, MINUTE, SECOND, format_duration

#: What Pub/Sub allows, µs and deliveries: https://cloud.google.com/pubsub/quotas#resource_limits
_RETENTION: Final = (10 * MINUTE, 31 * DAY)
_ACK_DEADLINE: Final = (10 * SECOND, 10 * MINUTE)
_ATTEMPTS: Final = (5, 100)
_ENCODINGS: Final = ("json", "binary")


@dataclass(frozen=True)
class Schema:
    """A schema for messages."""

    name: str
    definition: str  #: Avro, as JSON


@dataclass(frozen=True)
class Topic:
    """What a file wants of a topic; None is left to Pub/Sub, or as it is."""

    name: str
    retention: int | None = None  #: µs for which a subscription can be set back to what was published
    schema: str | None = None  #: name of the one that Pub/Sub checks every message against
    encoding: str | None = None  #: json or binary: how messages are checked


@dataclass(frozen=True)
class Subscription:
    """What a file wants of a subscription; None is left to Pub/Sub, or as it is."""

    name: str
    topic: str
    ordered: bool = False  #: whether messages of an ordering key are delivered in order
    ack_deadline: int | None = None  #: µs
    retention: int | None = None  #: µs for which what is not acknowledged is kept
    retain_acked: bool | None = None  #: whether what was acknowledged is kept for as long
    dead_letter_topic: str | None = None  #: where what was delivered too often goes
    attempts: int | None = None  #: how often that is


@dataclass(frozen=True)
class TopicsFile:
    """All that a file wants of one project."""

    project: str
    schemas: tuple[Schema, ...]
    topics: tuple[Topic, ...]
    subscriptions: tuple[Subscription, ...]


class TopicsFileError(DocumentError):
    """A topics file that can't be used."""


def load_topics(path: str, project: str | None = None) -> TopicsFile:
    """What a file wants; ``project`` instead of the one that it names.

    Raises:
        TopicsFileError: the file can't be read or used; holds every problem, with its place.
    """
    return parse_topics(read_text(path, TopicsFileError), path, project)


def parse_topics(text: str, path: str = "topics.yaml", project: str | None = None) -> TopicsFile:
    """What a file's text wants; ``path`` is for errors and for schemas in files beside it.

    Raises:
        TopicsFileError: it can't be used; holds every problem, with its place.
    """
    root = compose(text, path, TopicsFileError)
    if root is None:
        raise TopicsFileError([Problem(path, 1, 1, "the file is empty")])
    found = _FileReader(text, path).read(root, project)
    if isinstance(found, list):
        raise TopicsFileError(found)
    return found


class _FileReader:
    def __init__(self, text: str, path: str) -> None:
        self._reader = Reader(text, path)
        self._folder = Path(path).parent

    def read(self, root: Node, project: str | None) -> TopicsFile | list[Problem]:
        needed = ("topics",) if project is not None else ("project", "topics")
        parts = self._reader.mapping(root, "the file", ("project", "schemas", "topics"), needed)
        named = self._project(parts["project"].value) if "project" in parts else None
        schemas = self._named(parts.get("schemas"), "schemas")
        topics = self._named(parts.get("topics"), "topics")
        read_schemas = [self._schema(name, entry) for name, entry in schemas.items()]
        read_topics = [self._topic(name, entry.value, schemas) for name, entry in topics.items()]
        subscriptions = self._subscriptions(topics)
        if self._reader.problems:
            return self._reader.problems
        return TopicsFile(
            project or named or "",
            tuple(schema for schema in read_schemas if schema is not None),
            tuple(read_topics),
            tuple(subscriptions),
        )

    def _project(self, node: Node) -> str | None:
        text = self._reader.text_of(node, "project")
        if text is not None and not is_project(text):
            self._reader.report(node, f"project {text!r} is no project's id")
        return text

    def _named(self, entry: Entry | None, what: str) -> Mapping[str, Entry]:
        if entry is None:
            return {}
        entries = self._reader.named(entry.value, what)
        for name, each in entries.items():
            self._check_name(each.key, name)
        return entries

    def _check_name(self, key: ScalarNode, name: str) -> None:
        if not is_name(name):
            self._reader.report(key, f"{NAME_RULE}, found {name!r}")

    def _schema(self, name: str, entry: Entry) -> Schema | None:
        parts = self._reader.mapping(entry.value, f"schema {name}", ("avro",), ("avro",))
        text = self._reader.text_of(parts["avro"].value, "avro") if "avro" in parts else None
        if text is None:
            return None
        try:
            if text.endswith(".avsc"):
                definition = json.loads((self._folder / text).read_text(encoding="utf-8"))
            else:
                definition = load_schema(text)
        except (OSError, ValueError, SchemaError) as error:
            self._reader.report(
                parts["avro"].value, f"avro: {error}; expected a schema of this program or an .avsc file"
            )
            return None
        return Schema(name, json.dumps(definition))

    def _topic(self, name: str, node: Node, schemas: Mapping[str, Entry]) -> Topic:
        parts = self._mapping_or_nothing(node, f"topic {name}", ("retention", "schema", "encoding", "subscriptions"))
        retention = self._duration(parts.get("retention"), "retention", *_RETENTION)
        schema = self._one_of(parts.get("schema"), "schema", tuple(schemas))
        encoding = self._one_of(parts.get("encoding"), "encoding", _ENCODINGS)
        if ("schema" in parts) != ("encoding" in parts):
            given, missing = ("schema", "encoding") if "schema" in parts else ("encoding", "schema")
            self._reader.report(parts[given].key, f"{given} needs {missing} too")
        return Topic(name, retention, schema, encoding)

    def _subscriptions(self, topics: Mapping[str, Entry]) -> list[Subscription]:
        found: dict[str, Subscription] = {}
        for topic, entry in topics.items():
            # What else is wrong with the topic was reported when it was read.
            parts = Reader(self._reader.text, self._reader.file).mapping(entry.value, topic)
            for name, each in self._named(parts.get("subscriptions"), "subscriptions").items():
                if name in found:
                    self._reader.report(each.key, f"subscription {name!r} is one of topic {found[name].topic} already")
                found[name] = self._subscription(name, topic, each.value, tuple(topics))
        return list(found.values())

    def _subscription(self, name: str, topic: str, node: Node, topics: tuple[str, ...]) -> Subscription:
        known = ("ordered", "ack_deadline", "retention", "retain_acked", "dead_letter")
        parts = self._mapping_or_nothing(node, f"subscription {name}", known)
        letters = parts.get("dead_letter")
        dead: Mapping[str, Entry] = {}
        if letters is not None:
            dead = self._reader.mapping(letters.value, "dead_letter", ("topic", "attempts"), ("topic",), letters.key)
        attempts = 5 if letters is not None else None
        if "attempts" in dead:
            attempts = self._reader.integer(dead["attempts"].value, "attempts", *_ATTEMPTS)
        return Subscription(
            name,
            topic,
            self._flag(parts.get("ordered"), "ordered") or False,
            self._duration(parts.get("ack_deadline"), "ack_deadline", *_ACK_DEADLINE),
            self._duration(parts.get("retention"), "retention", *_RETENTION),
            self._flag(parts.get("retain_acked"), "retain_acked"),
            self._one_of(dead.get("topic"), "topic", topics),
            attempts,
        )

    def _mapping_or_nothing(self, node: Node, what: str, known: tuple[str, ...]) -> Mapping[str, Entry]:
        if isinstance(node, ScalarNode) and not node.value:
            return {}
        return self._reader.mapping(node, what, known)

    def _one_of(self, entry: Entry | None, what: str, known: tuple[str, ...]) -> str | None:
        if entry is None:
            return None
        text = self._reader.text_of(entry.value, what)
        if text is not None and text not in known:
            expected = f"expected {' or '.join(known) or 'one that the file describes'}{did_you_mean(text, known)}"
            self._reader.report(entry.value, f"{what}: {expected}, found {text!r}")
            return None
        return text

    def _duration(self, entry: Entry | None, what: str, least: int, most: int) -> int | None:
        if entry is None:
            return None
        micros = self._reader.duration(entry.value, what)
        if micros is not None and (not least <= micros <= most or micros % SECOND):
            bounds = f"{format_duration(least)} to {format_duration(most)} in whole seconds"
            self._reader.report(entry.value, f"{what} must be {bounds}, found {format_duration(micros)}")
        return micros

    def _flag(self, entry: Entry | None, what: str) -> bool | None:
        if entry is None:
            return None
        if not isinstance(entry.value, ScalarNode) or entry.value.value not in ("true", "false"):
            self._reader.report(entry.value, f"{what} must be true or false")
            return None
        return bool(entry.value.value == "true")
