"""The committed schemas against their previous versions, and the checker against changes that it has to refuse."""

import copy
import io
from typing import Any

import fastavro
import pytest
from hypothesis import given

from schemas.records import SCHEMA_OF, to_record
from schemas.registry import SCHEMA_NAMES, load_schema, plain, previous_schemas
from schemas.types import Record
from tests.schemas.compatibility import problems
from tests.schemas.strategies import RECORDS

VERSIONS = [(name, number) for name in SCHEMA_NAMES for number in previous_schemas(name)]


def _record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)}


def _field(kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": "f", "type": kind, **more}


def _enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


TIME = {"type": "long", "logicalType": "timestamp-micros"}


def test_every_schema_has_a_previous_version() -> None:
    assert {name for name, _ in VERSIONS} == set(SCHEMA_NAMES)


@pytest.mark.parametrize(("name", "number"), VERSIONS)
def test_backward_new_readers_read_what_was_written(name: str, number: int) -> None:
    assert problems(load_schema(name), previous_schemas(name)[number]) == []


@pytest.mark.parametrize("number", previous_schemas("segment_change"))
def test_full_old_subscribers_read_new_changes(number: int) -> None:
    assert problems(previous_schemas("segment_change")[number], load_schema("segment_change")) == []


@given(RECORDS)
def test_previous_readers_and_writers_agree_on_data(value: Record) -> None:
    name = SCHEMA_OF[type(value)]
    for previous in previous_schemas(name).values():
        out = io.BytesIO()
        fastavro.schemaless_writer(out, previous, to_record(value))
        out.seek(0)
        fastavro.schemaless_reader(out, plain(previous), plain(load_schema(name)))


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_every_field_says_what_it_means(name: str) -> None:
    def fields(schema: Any) -> list[dict[str, Any]]:
        own: list[dict[str, Any]] = schema["fields"]
        return own + [inner for field in own for inner in nested(field["type"])]

    def nested(kind: Any) -> list[dict[str, Any]]:
        items = kind["items"] if isinstance(kind, dict) and kind["type"] == "array" else None
        return fields(items) if isinstance(items, dict) else []

    schema = load_schema(name)
    assert schema["namespace"] == "segments.v1"
    assert all(len(field["doc"]) > 10 for field in fields(schema))


# (what changed, writer, reader, what the reader is told, a record of the writer that must fail in fastavro too)
REFUSED = [
    ("added field without default", _record(), _record(_field("string")), "reader_field_missing_default_value: f", {}),
    (
        "changed type",
        _record(_field("string")),
        _record(_field("long")),
        "reader type: long not compatible with writer type: string",
        {"f": "x"},
    ),
    (
        "narrowed type",
        _record(_field("long")),
        _record(_field("int")),
        "reader type: int not compatible with writer type: long",
        {"f": 1},
    ),
    (
        "removed enum symbol",
        _record(_field(_enum("A", "B"))),
        _record(_field(_enum("A"))),
        "missing_enum_symbols: {'B'} at /fields/0",
        {"f": "B"},
    ),
    (
        "removed union branch",
        _record(_field(["null", "string"])),
        _record(_field("string")),
        "reader type: string not compatible with writer type: null",
        {"f": None},
    ),
    (
        "no branch for it",
        _record(_field("string")),
        _record(_field(["null", "long"])),
        "reader union lacking writer type string at /fields/0",
        {"f": "x"},
    ),
    (
        "changed items",
        _record(_field({"type": "array", "items": "string"})),
        _record(_field({"type": "array", "items": "long"})),
        "writer type: string at /fields/0/type/items",
        {"f": ["x"]},
    ),
    (
        "changed values",
        _record(_field({"type": "map", "values": "string"})),
        _record(_field({"type": "map", "values": "long"})),
        "writer type: string at /fields/0/type/values",
        {"f": {"k": "x"}},
    ),
    (
        "changed fixed",
        _record(_field({"type": "fixed", "name": "F", "size": 2})),
        _record(_field({"type": "fixed", "name": "F", "size": 4})),
        "fixed_size_mismatch: expected: 2, found: 4",
        {"f": b"xx"},
    ),
    (
        "nested field without default",
        _record(_field({"type": "array", "items": {"type": "record", "name": "N", "fields": []}})),
        _record(_field({"type": "array", "items": {"type": "record", "name": "N", "fields": [_field("int")]}})),
        "reader_field_missing_default_value: f at /fields/0/type/items",
        {"f": [{}]},
    ),
    ("lost logical type", _record(_field(TIME)), _record(_field("long")), "logical type timestamp-micros", None),
    (
        "other unit",
        _record(_field(TIME)),
        _record(_field({"type": "long", "logicalType": "timestamp-millis"})),
        "timestamp-micros became timestamp-millis",
        None,
    ),
    (
        "other unit in a union",
        _record(_field(["null", TIME])),
        _record(_field(["null", "long"])),
        ".f: logical type timestamp-micros became None",
        None,
    ),
    ("renamed record", _record(), _record() | {"name": "S"}, "name_mismatch: expected: R", None),
]


@pytest.mark.parametrize(
    ("writer", "reader", "message", "sample"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_incompatible_change_is_refused(writer: Any, reader: Any, message: str, sample: Any) -> None:
    found = problems(reader, writer)
    assert len(found) == 1
    assert message in found[0]
    if sample is not None:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, copy.deepcopy(writer), sample)
        out.seek(0)
        with pytest.raises((fastavro.read.SchemaResolutionError, EOFError)):
            fastavro.schemaless_reader(out, copy.deepcopy(writer), copy.deepcopy(reader))


ALLOWED = [
    ("added field with default", _record(), _record(_field("string", default=""))),
    ("removed field", _record(_field("string")), _record()),
    ("widened type", _record(_field("int")), _record(_field("double"))),
    ("made nullable", _record(_field("string")), _record(_field(["null", "string"]))),
    ("added union branch", _record(_field(["null", "string"])), _record(_field(["null", "string", "long"]))),
    ("added enum symbol", _record(_field(_enum("A"))), _record(_field(_enum("A", "B")))),
    ("unknown enum symbol", _record(_field(_enum("A", "B"))), _record(_field(_enum("A", default="A")))),
    ("renamed with alias", _record(_field("int")), _record({"name": "g", "type": "int", "aliases": ["f"]})),
    ("moved namespace", _record() | {"namespace": "a"}, _record() | {"namespace": "b"}),
    ("recursive", _record(_field(["null", "R"])), _record(_field(["null", "R"]))),
]


@pytest.mark.parametrize(("writer", "reader"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_compatible_change_is_let_pass(writer: Any, reader: Any) -> None:
    assert problems(reader, writer) == []


@pytest.mark.parametrize("change", ["default", "type", "symbol"])
def test_incompatible_change_of_our_own_contract_is_refused(change: str) -> None:
    new = load_schema("segment_change")
    fields = {field["name"]: field for field in new["fields"]}
    if change == "default":
        new["fields"].append({"name": "added", "type": "string"})
    elif change == "type":
        fields["sequence"]["type"] = "string"
    else:
        fields["action"]["type"]["symbols"].remove("RETRACTED")
    assert len(problems(new, previous_schemas("segment_change")[1])) == 1
