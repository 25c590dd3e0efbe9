"""Files of topics: what they may say, and where each mistake is."""

from pathlib import Path

import pytest

from pipeline.io.pubsub.topics_file import Subscription, Topic, TopicsFileError, load_topics, parse_topics
from segmentation.units import DAY, MINUTE

EVERYTHING = """\
project: my-project
schemas:
  event: {avro: event}
  own: {avro: own.avsc}
topics:
  events:
    retention: 7d
    schema: own
    encoding: json
    subscriptions:
      segments:
        ack_deadline: 2m
        retention: 3d
        retain_acked: true
        ordered: true
        dead_letter: {topic: undelivered, attempts: 10}
  undelivered:
"""


def test_everything_said(tmp_path: Path) -> None:
    (tmp_path / "own.avsc").write_text('{"type": "record", "name": "R", "fields": []}')
    (tmp_path / "topics.yaml").write_text(EVERYTHING)
    found = load_topics(str(tmp_path / "topics.yaml"))
    assert found.project == "my-project"
    assert [schema.name for schema in found.schemas] == ["event", "own"]
    assert found.schemas[1].definition == '{"type": "record", "name": "R", "fields": []}'
    assert found.topics == (Topic("events", 7 * DAY, "own", "json"), Topic("undelivered"))
    assert found.subscriptions == (
        Subscription("segments", "events", True, 2 * MINUTE, 3 * DAY, True, "undelivered", 10),
    )


def test_little_said_and_another_project() -> None:
    found = parse_topics("topics: {events: {subscriptions: {segments: }}}", project="other-project")
    assert found.project == "other-project"
    assert found.subscriptions == (Subscription("segments", "events"),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty"),
        ("[]", "1:1: the file must be a mapping, found a list"),
        ("topics: {events: }", "1:1: the file needs the key 'project'"),
        (
            "project: p-1\ntopics: {events: }\ntopic: {}",
            "3:1: unknown key 'topic' in the file; expected project, schemas, topics; did",
        ),
        ("project: P\ntopics: {events: }", "1:10: project 'P' is no project's id"),
        ("project: p-1\ntopics: {e: }", "2:10: a name has 3 to 255 letters"),
        ("project: p-1\ntopics: {events: {retention: 5m}}", "2:30: retention must be 10m to 31d in whole seconds"),
        ("project: p-1\ntopics: {events: {retention: 7}}", "2:30: retention: '7' is not a duration"),
        (
            "project: p-1\ntopics: {events: {encoding: json, schema: s}}",
            "2:43: schema: expected one that the file describes, found",
        ),
        ("project: p-1\ntopics: {events: {encoding: json}}", "2:19: encoding needs schema too"),
        ("project: p-1\ntopics: {events: {subscriptions: {sub: {ordered: 1}}}}", "2:50: ordered must be true or false"),
        (
            "project: p-1\ntopics: {events: {subscriptions: {sub: {ack_deadline: 9s}}}}",
            "2:55: ack_deadline must be 10s",
        ),
        (
            "project: p-1\ntopics: {events: {subscriptions: {sub: {ack: 9s}}}}",
            "2:41: unknown key 'ack' in subscription",
        ),
        (
            "project: p-1\ntopics: {events: {subscriptions: {sub: {dead_letter: {topic: evens}}}}}",
            "2:62: topic: expected events; did you mean 'events'?, found 'evens'",
        ),
        (
            "project: p-1\ntopics: {events: {subscriptions: {sub: {dead_letter: {topic: events, attempts: 4}}}}}",
            "2:80: attempts must be a whole number of at least 5, found 4",
        ),
        (
            "project: p-1\ntopics:\n  one: {subscriptions: {sub: }}\n  two: {subscriptions: {sub: }}",
            "4:25: subscription 'sub' is one of topic one already",
        ),
        ("project: p-1\nschemas: {own: {avro: none}}\ntopics: {events: }", "2:23: avro: no schema is called 'none'"),
        ("project: p-1\nschemas: {own: {avro: no.avsc}}\ntopics: {events: }", "2:23: avro: [Errno 2] No such file"),
    ],
)
def test_mistake_is_shown_where_it_is(text: str, problem: str) -> None:
    with pytest.raises(TopicsFileError) as error:
        parse_topics(text)
    assert str(error.value).startswith(f"topics.yaml:{problem}")


def test_every_mistake_is_found_at_once() -> None:
    with pytest.raises(TopicsFileError) as error:
        parse_topics("project: P\ntopics: {e: {retention: 1s}}")
    assert len(error.value.problems) == 3
