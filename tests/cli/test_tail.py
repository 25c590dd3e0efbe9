"""Messages of a run as people and files see them."""

import pytest

from pipeline.io.topics.errors import AddressError
from pipeline.options.errors import OptionError
from pipeline.streams.tail import TailOptions, decode_message, readable
from schemas.codec import encode_single_object
from schemas.errors import SchemaError
from schemas.records import to_record
from schemas.types import AuditRecord, DeadLetter
from segmentation.units import SECOND
from tests.pipeline.io.changes import CHANGE, START

TOPIC = "kafka://127.0.0.1:9092/changes"
LETTER = DeadLetter("undecodable", "DecodeError", "no JSON", "DecodeEvents", "kafka://b:1/t/3", 7, b"\xff", START + 5)

LATE = AuditRecord("a1", "late_event", "s1.a", "click", START, START + 3_600 * SECOND, 1, START + 3_700 * SECOND)


def test_schema_of_a_message_is_told_by_its_fingerprint() -> None:
    for schema, value in (("segment_change", CHANGE), ("dead_letter", LETTER), ("audit_record", LATE)):
        record = to_record(value)
        assert decode_message(encode_single_object(schema, record)) == (schema, record)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no value"),
        (b"", "neither a change nor a dead letter"),
        (b'{"a": 1}', "it begins with 7b 22 61"),
        (b"\xc3\x01" + bytes(8) + b"x", "it begins with c3 01 00 00"),
        (encode_single_object("segment_change", to_record(CHANGE))[:-3], "broken Avro"),
        (encode_single_object("dead_letter", to_record(LETTER)) + b"x", "1 bytes follow the record"),
    ],
)
def test_message_that_is_none_of_a_run(value: bytes | None, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        decode_message(value)


def test_readable_change() -> None:
    line = readable("segment_change", to_record(CHANGE))
    assert line == "2026-01-01T00:00:00Z  s1.a  ENTERED    power_user  ON_TIME  event"


def test_readable_dead_letter() -> None:
    line = readable("dead_letter", to_record(LETTER))
    told = "dead letter  undecodable  kafka://b:1/t/3:7  DecodeEvents: no JSON"
    assert line == f"2026-01-01T00:00:00.000005Z  {told}"


@pytest.mark.parametrize(("name", "said"), [("click", "click"), (None, "an event")])
def test_readable_audit_record(name: str | None, said: str) -> None:
    line = readable("audit_record", {**to_record(LATE), "event_name": name})
    told = f"{said} of 2026-01-01T00:00:00Z counts from 2026-01-01T01:00:00Z"
    assert line == f"2026-01-01T01:01:40Z  late_event  s1.a  {told}"


def test_every_option_is_read() -> None:
    options = TailOptions.parse(source=TOPIC + "?start=latest", jsonl="-", until_idle="10s", until_count=5)
    assert (options.source.url, options.source.start, options.jsonl) == (TOPIC, "latest", "-")
    assert (options.until_idle, options.until_count) == (10 * SECOND, 5)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"until_idle": "soon"}, "--until-idle: 'soon' is not a duration"),
        ({"until_count": 0}, "--until-count: expected at least 1, found 0"),
        ({"jsonl": ""}, "--jsonl: expected the path of a file, or -"),
    ],
)
def test_value_that_cannot_be_used(texts: dict[str, str], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        TailOptions.parse(source=TOPIC, **texts)  # type: ignore[arg-type]  # texts of a command line


def test_address_names_its_option() -> None:
    with pytest.raises(AddressError, match="--from: expected kafka://HOST:PORT/TOPIC"):
        TailOptions.parse(source="changes")
