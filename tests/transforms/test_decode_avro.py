"""Avro object containers: whole, cut short, broken, of older schemas and of foreign ones."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import load_schema
from tests.transforms.decoding_cases import NOW, T0, decode_file, event, ids, reasons
from transforms.mapping.model import EventMapping, LogColumn, LogTime

EVENT = load_schema("event")


def container(records: list[dict[str, Any]], schema: Any = None, codec: str = "deflate", interval: int = 200) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, schema or EVENT, records, codec=codec, sync_interval=interval)
    return out.getvalue()


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "log.avro"
    path.write_bytes(content)
    return path


def plain_event(time: Any) -> Any:
    """The schema of events with another type for occurred_at."""
    schema = json.loads(json.dumps(EVENT))
    next(field for field in schema["fields"] if field["name"] == "occurred_at")["type"] = time
    return schema


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_events_of_many_blocks_are_read_in_order(tmp_path: Path, codec: str) -> None:
    records = [event(n, properties={"a": n, "b": n / 2, "c": True, "d": "x", "e": None}) for n in range(100)]
    path = write(tmp_path, container(records, codec=codec))
    frame, bad, _ = decode_file(path, "avro", ("a", "b", "c", "d", "e"), chunk_bytes=1000)
    assert not bad
    assert ids(frame) == [f"e{n}" for n in range(100)]
    assert frame["occurred_at"].to_list() == [T0 + n for n in range(100)]
    assert frame.select("p:a", "p:b", "p:c", "p:d", "p:e").row(3) == ("3", "1.5", "true", "x", None)


def test_truncated_container_keeps_the_blocks_before(tmp_path: Path) -> None:
    content = container([event(n) for n in range(100)])
    frame, bad, read = decode_file(write(tmp_path, content[:-30]), "avro")
    kept = frame.height
    assert 80 < kept < 100
    assert ids(frame) == [f"e{n}" for n in range(kept)]
    assert reasons(bad) == [(kept + 1, "undecodable")]
    assert content.endswith(bad[0].payload + content[-30:])
    assert read == kept + 1


@given(st.data())
def test_cut_anywhere_loses_no_whole_block(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.avro"
    content = container([event(n) for n in range(20)], codec="null")
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    frame, bad, _ = decode_file(path, "avro")
    assert ids(frame) == [f"e{n}" for n in range(frame.height)]
    assert len(bad) <= 1
    assert all(record.reason == "undecodable" for record in bad)


@given(place=st.integers(0, 100_000), byte=st.integers(1, 255))
def test_any_flipped_byte_is_survived(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.avro"
    content = bytearray(container([event(n) for n in range(20)]))
    content[place % len(content)] ^= byte
    path.write_bytes(content)
    decode_file(path, "avro")


def test_broken_block_is_one_dead_letter_and_the_others_are_kept(tmp_path: Path) -> None:
    content = bytearray(container([event(n) for n in range(60)]))
    sync = bytes(content[-16:])
    second = content.index(sync, content.index(sync) + 16) + 16
    content[second + 8 : second + 28] = b"\xff" * 20
    frame, bad, _ = decode_file(write(tmp_path, bytes(content)), "avro")
    assert [record.reason for record in bad] == ["undecodable"]
    first = bad[0].position - 1
    assert ids(frame)[:first] == [f"e{n}" for n in range(first)]
    assert ids(frame)[-1] == "e59"


@pytest.mark.parametrize("content", [b"", b"Obj", b"no avro at all", b"Obj\x01\x00" + b"s" * 16])
def test_no_container_is_one_dead_letter(tmp_path: Path, content: bytes) -> None:
    frame, bad, read = decode_file(write(tmp_path, content), "avro")
    assert frame.is_empty()
    assert reasons(bad) == [(1, "undecodable")]
    assert bad[0].payload == content
    assert read == 1


def test_unknown_codec_is_one_dead_letter(tmp_path: Path) -> None:
    content = container([event()], codec="null").replace(b"null", b"lzma")
    assert reasons(decode_file(write(tmp_path, content), "avro")[1]) == [(1, "undecodable")]


def test_container_of_no_records_is_empty(tmp_path: Path) -> None:
    assert decode_file(write(tmp_path, container([])), "avro")[2] == 0


def test_times_out_of_range_are_dead_letters_with_their_bytes(tmp_path: Path) -> None:
    times = [T0, -1, NOW + 3_600_000_001, 2**62, T0]
    records = [event(number, occurred_at=time) for number, time in enumerate(times)]
    frame, bad, _ = decode_file(write(tmp_path, container(records, plain_event("long"), interval=10_000)), "avro")
    assert ids(frame) == ["e0", "e4"]
    assert reasons(bad) == [(2, "before_epoch"), (3, "far_future"), (4, "far_future")]
    assert [fastavro.schemaless_reader(io.BytesIO(r.payload), plain_event("long"), None)["event_id"] for r in bad] == [
        "e1",
        "e2",
        "e3",
    ]


def test_wrong_types_of_some_records_are_dead_letters(tmp_path: Path) -> None:
    schema = {
        "type": "record",
        "name": "Loose",
        "fields": [
            {"name": "event_id", "type": ["null", "string", "long"]},
            {"name": "user_id", "type": "string"},
            {"name": "name", "type": "string"},
            {"name": "occurred_at", "type": ["long", "double", "string"]},
            {
                "name": "properties",
                "type": ["null", {"type": "map", "values": ["double", {"type": "array", "items": "int"}]}],
            },
        ],
    }
    changes: list[dict[str, Any]] = [
        {},
        {"event_id": 5},
        {"event_id": None},
        {"occurred_at": float("nan")},
        {"occurred_at": "2026-01-01"},
        {"properties": {"p": float("nan")}},
        {"properties": {"p": [1]}},
        {"properties": {"unread": [1]}},
    ]
    records = [event(number) | {"properties": None} | change for number, change in enumerate(changes)]
    frame, bad, _ = decode_file(write(tmp_path, container(records, schema)), "avro", ("p",))
    assert ids(frame) == ["e0", "e7"]
    assert reasons(bad) == [
        (2, "wrong_type"),
        (3, "missing_field"),
        (4, "wrong_type"),
        (5, "bad_time"),
        (6, "wrong_type"),
        (7, "wrong_type"),
    ]


def test_milliseconds_of_another_writer_become_microseconds(tmp_path: Path) -> None:
    schema = plain_event({"type": "long", "logicalType": "timestamp-millis"})
    content = container([event(occurred_at=T0 // 1000)], schema)
    assert decode_file(write(tmp_path, content), "avro")[0]["occurred_at"].to_list() == [T0]


def test_older_schema_without_properties(tmp_path: Path) -> None:
    schema = EVENT | {"fields": [field for field in EVENT["fields"] if field["name"] not in ("properties", "source")]}
    frame, bad, _ = decode_file(write(tmp_path, container([event()], schema)), "avro", ("p",))
    assert not bad
    assert frame["p:p"].to_list() == [None]


def test_foreign_records_get_ids_from_their_content(tmp_path: Path) -> None:
    schema = {
        "type": "record",
        "name": "Click",
        "fields": [
            {"name": "who", "type": "long"},
            {"name": "what", "type": "string"},
            {"name": "when", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ],
    }
    mapping = EventMapping("avro", LogColumn("who"), LogColumn("what"), LogTime("when"))
    records = [{"who": n % 2, "what": "click", "when": 5} for n in range(50)]
    path = write(tmp_path, container(records, schema))
    whole, bad, _ = decode_file(path, "avro", (), mapping)
    cut, _, _ = decode_file(path, "avro", (), mapping, chunk_bytes=1)
    assert not bad
    assert whole["event_id"].n_unique() == 50
    assert whole.rows() == cut.rows()
    assert whole["user_id"].to_list()[:2] == ["0", "1"]
    assert whole["occurred_at"].to_list()[0] == 5_000
