"""Every wire type through every encoding, and what each encoding refuses."""

import contextlib
import copy
import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import registry
from schemas.codec import MARKER, decode_single_object, encode_single_object
from schemas.containers import ContainerWriter, read_container
from schemas.errors import SchemaError
from schemas.json_codec import decode_json, encode_json
from schemas.records import SCHEMA_OF, from_record, to_record
from schemas.registry import SCHEMA_NAMES, fingerprint, fingerprint_of, load_schema, previous_schemas
from schemas.types import Event, Record, SegmentChange
from tests.schemas.strategies import CHANGES, RECORDS

EVENT: dict[str, Any] = {
    "event_id": "e1",
    "user_id": "u1",
    "name": "page_view",
    "occurred_at": 1_767_225_600_000_000,
    "source": None,
    "properties": {},
}


def _container(name: str, records: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    writer = ContainerWriter(out, name)
    for record in records:
        writer.write(record)
    writer.flush()
    return out.getvalue()


@given(RECORDS)
def test_single_object_round_trip(value: Record) -> None:
    name = SCHEMA_OF[type(value)]
    record = decode_single_object(name, encode_single_object(name, to_record(value)))
    assert from_record(type(value), record) == value


@given(RECORDS)
def test_json_round_trip(value: Record) -> None:
    name = SCHEMA_OF[type(value)]
    data = encode_json(name, to_record(value))
    assert b"\n" not in data
    assert list(json.loads(data)) == [field["name"] for field in load_schema(name)["fields"]]
    assert from_record(type(value), decode_json(name, data)) == value


@given(st.lists(CHANGES, max_size=5))
def test_container_round_trip(values: list[SegmentChange]) -> None:
    data = _container("segment_change", [to_record(value) for value in values])
    found = [record for block in read_container(io.BytesIO(data), "segment_change") for record in block]
    assert [from_record(SegmentChange, record) for record in found] == values


@given(RECORDS)
def test_container_round_trip_of_one_record_of_any_type(value: Record) -> None:
    name = SCHEMA_OF[type(value)]
    [[record]] = read_container(io.BytesIO(_container(name, [to_record(value)])), name)
    assert from_record(type(value), record) == value


@given(RECORDS, st.data())
def test_cut_or_changed_messages_raise_schema_errors_only(value: Record, data: st.DataObject) -> None:
    name = SCHEMA_OF[type(value)]
    message = bytearray(encode_single_object(name, to_record(value)))
    at = data.draw(st.integers(0, len(message) - 1))
    with pytest.raises(SchemaError):
        decode_single_object(name, bytes(message[:at]))
    message[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SchemaError):
        decode_single_object(name, bytes(message))


@given(st.binary(max_size=60))
def test_any_body_raises_schema_errors_only(body: bytes) -> None:
    for name in SCHEMA_NAMES:
        with contextlib.suppress(SchemaError):
            decode_single_object(name, MARKER + fingerprint(name) + body)


def test_fingerprint_of_null_is_that_of_the_specification() -> None:
    assert fingerprint_of("null") == (0x63DD24E7CC258F8A).to_bytes(8, "little")  # type: ignore[arg-type]


def test_message_begins_with_marker_and_fingerprint() -> None:
    message = encode_single_object("event", EVENT)
    assert message[:10] == b"\xc3\x01" + fingerprint("event")
    body: Any = fastavro.schemaless_reader(io.BytesIO(message[10:]), load_schema("event"), None)
    assert body["event_id"] == "e1"


def test_message_of_the_previous_version_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    old = previous_schemas("event")[1]
    old["fields"] = [field for field in old["fields"] if field["name"] != "source"]
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(copy.deepcopy(old)), EVENT)
    message = MARKER + fingerprint_of(old) + body.getvalue()
    with pytest.raises(SchemaError, match="no version of the schema has the fingerprint"):
        decode_single_object("event", message)
    writers = {fingerprint_of(old): registry.plain(old)}
    monkeypatch.setattr("schemas.codec.plain_writers", {"event": writers}.__getitem__)
    assert decode_single_object("event", message) == EVENT


def test_bytes_after_the_record_are_refused() -> None:
    with pytest.raises(SchemaError, match="1 bytes follow"):
        decode_single_object("event", encode_single_object("event", EVENT) + b"\0")


def test_json_is_no_single_object() -> None:
    with pytest.raises(SchemaError, match="C3 01"):
        decode_single_object("event", encode_json("event", EVENT))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"occurred_at": "2026-01-01"}, r"event.occurred_at: expected an integer of 64 bits, found str"),
        ({"occurred_at": True}, r"found bool"),
        ({"occurred_at": 2**63}, r"expected an integer of 64 bits"),
        ({"event_id": None}, r"event.event_id: expected a text, found NoneType"),
        ({"properties": {"n": 2**70}}, r"event.properties\['n'\]: expected null or string or long"),
        ({"properties": {"n": [1]}}, r"found list"),
        ({"extra": 1}, r"unknown fields \['extra'\]"),
        ({"name": "\ud800"}, r"surrogates not allowed"),
    ],
)
def test_record_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        encode_single_object("event", EVENT | change)
    with pytest.raises(SchemaError):
        encode_json("event", EVENT | change)


def test_missing_field_is_refused_in_writing() -> None:
    with pytest.raises(SchemaError, match=r"missing fields \['name'\]"):
        encode_single_object("event", {key: value for key, value in EVENT.items() if key != "name"})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_refused_there_and_kept_in_avro(number: float) -> None:
    record = EVENT | {"properties": {"n": number}}
    with pytest.raises(SchemaError, match="JSON can't hold"):
        encode_json("event", record)
    assert repr(decode_single_object("event", encode_single_object("event", record))["properties"]["n"]) == repr(number)


def test_json_times_are_iso_8601_in_utc_with_microseconds() -> None:
    assert json.loads(encode_json("event", EVENT))["occurred_at"] == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "time", ['"2026-01-01T02:00:00+02:00"', '"2026-01-01T00:00:00Z"', "1767225600000000"], ids=["zone", "utc", "micros"]
)
def test_json_reads_times_as_text_or_integer(time: str) -> None:
    data = f'{{"event_id":"e1","user_id":"u1","name":"page_view","occurred_at":{time},"later":1}}'
    assert decode_json("event", data.encode()) == EVENT


@pytest.mark.parametrize("time", ['"2026-01-01T00:00:00"', '"yesterday"', "1.5", "true", "null"])
def test_json_refuses_other_times(time: str) -> None:
    data = f'{{"event_id":"e1","name":"page_view","occurred_at":{time}}}'
    with pytest.raises(SchemaError):
        decode_json("event", data.encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'"\xff"', b"[" * 100_000])
def test_broken_json_is_refused(data: bytes) -> None:
    with pytest.raises(SchemaError):
        decode_json("event", data)


def test_instant_that_iso_8601_lacks_is_refused_in_json() -> None:
    with pytest.raises(SchemaError, match="years 1 to 9999"):
        encode_json("event", EVENT | {"occurred_at": 2**62})


@given(CHANGES)
def test_cause_of_a_newer_writer_becomes_unknown(value: SegmentChange) -> None:
    newer = load_schema("segment_change")
    cause = next(field for field in newer["fields"] if field["name"] == "cause")
    cause["type"]["symbols"].append("moonphase")
    out = io.BytesIO()
    fastavro.writer(out, newer, [to_record(value) | {"cause": "moonphase"}])
    out.seek(0)
    [[record]] = read_container(out, "segment_change")
    assert record["cause"] == "unknown"
    data = encode_json("segment_change", to_record(value)).replace(b'"cause":"', b'"cause":"moon', 1)
    assert decode_json("segment_change", data)["cause"] == "unknown"


def test_evidence_takes_defaults_and_drops_unknown_fields_in_json() -> None:
    value = SegmentChange("c", "s", "g", "ENTERED", 0, "ON_TIME", "time", 1, None, (), 1, (), {}, 0)
    data = encode_json("segment_change", to_record(value))
    data = data.replace(b'"evidence":[]', b'"evidence":[{"feature":"f","operator":"IS NULL","later":1}]')
    assert decode_json("segment_change", data)["evidence"] == [
        {"feature": "f", "operator": "IS NULL", "value": None, "threshold": None}
    ]


def test_cut_container_gives_its_whole_blocks_first() -> None:
    out = io.BytesIO()
    writer = ContainerWriter(out, "event")
    for number in range(3):
        writer.write(EVENT | {"event_id": str(number)})
        writer.flush()
    blocks = read_container(io.BytesIO(out.getvalue()[:-20]), "event")
    assert [next(blocks)[0]["event_id"], next(blocks)[0]["event_id"]] == ["0", "1"]
    with pytest.raises(SchemaError, match="broken Avro container"):
        next(blocks)


@pytest.mark.parametrize("data", [b"", b"Obj\x01", b"PK\x03\x04 no avro at all"])
def test_no_container_is_refused(data: bytes) -> None:
    with pytest.raises(SchemaError, match="broken Avro container"):
        list(read_container(io.BytesIO(data), "event"))


@given(st.data())
def test_changed_container_raises_schema_errors_only(data: st.DataObject) -> None:
    content = bytearray(_container("event", [EVENT] * 3))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SchemaError):
        list(read_container(io.BytesIO(bytes(content)), "event"))


def test_container_of_another_schema_is_refused() -> None:
    data = _container("event", [EVENT])
    with pytest.raises(SchemaError):
        list(read_container(io.BytesIO(data), "segment_change"))


def test_container_carries_docs_and_logical_types() -> None:
    schema = fastavro.reader(io.BytesIO(_container("event", []))).writer_schema
    assert isinstance(schema, dict)
    assert all(field["doc"] for field in schema["fields"])
    assert schema["fields"][3]["type"]["logicalType"] == "timestamp-micros"


def test_unknown_schema_name_is_refused() -> None:
    with pytest.raises(SchemaError, match="no schema is called 'evnt'; there are event, "):
        load_schema("evnt")


def test_record_of_another_type_is_refused() -> None:
    with pytest.raises(SchemaError, match="Event: "):
        from_record(Event, {"event_id": "e"})
