"""JSON: an object with the field names of the Avro schema, in its order; times as ISO 8601 in UTC, bytes as base64."""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import msgspec

from schemas.check import check_record
from schemas.errors import SchemaError
from schemas.instants import instant_micros, instant_text
from schemas.registry import load_schema


class _Field(NamedTuple):
    name: str
    to_json: Callable[[Any], Any] | None
    from_json: Callable[[Any], Any] | None
    has_default: bool
    default: Any


def encode_json(name: str, record: Mapping[str, Any]) -> bytes:
    """One record of schema ``name`` as a JSON object on one line, without the end of the line.

    >>> event = {"event_id": "e1", "user_id": "u1", "name": "signup", "occurred_at": 0, "source": None,
    ...          "properties": {}}
    >>> encode_json("event", event)
    b'{"event_id":"e1","user_id":"u1","name":"signup","occurred_at":"1970-01-01T00:00:00.000000Z","source":null,...}'

    Raises:
        SchemaError: the record does not fit the schema, or holds what JSON can't: NaN, an infinity, a year past 9999.
    """
    check_record(name, record)
    content = {
        field.name: record[field.name] if field.to_json is None else field.to_json(record[field.name])
        for field in _fields(name)
    }
    _refuse_non_finite(name, content)
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError as error:
        raise SchemaError(f"{name}: {error}") from error


def decode_json(name: str, data: bytes) -> dict[str, Any]:
    """The record of one JSON object; absent fields take the schema's defaults, unknown ones are left out.

    >>> text = b'{"event_id": "e1", "user_id": "u1", "name": "signup", "occurred_at": 0, "new": 1}'
    >>> event = decode_json("event", text)
    >>> event["properties"], "new" in event
    ({}, False)

    Times may also be integer µs. An enum symbol that this reader does not know becomes the enum's default, if any.

    Raises:
        SchemaError: no JSON object, or one that does not fit the schema.
    """
    try:
        content = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SchemaError(f"{name}: no JSON: {error}") from None
    if not isinstance(content, dict):
        raise SchemaError(f"{name}: expected a JSON object")
    record: dict[str, Any] = {}
    for field in _fields(name):
        if field.name in content:
            value = content[field.name]
            record[field.name] = value if field.from_json is None else field.from_json(value)
        elif field.has_default:
            record[field.name] = deepcopy(field.default)
    check_record(name, record)
    return record


@cache
def _fields(name: str) -> tuple[_Field, ...]:
    return tuple(_field(field) for field in load_schema(name)["fields"])


def _field(field: Mapping[str, Any]) -> _Field:
    to_json, from_json = _conversions(field["type"])
    return _Field(field["name"], to_json, from_json, "default" in field, field.get("default"))


def _conversions(kind: Any) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]:
    if kind == "bytes":
        return _base64_text, _base64_bytes
    if isinstance(kind, dict) and kind.get("logicalType") == "timestamp-micros":
        return instant_text, instant_micros
    if isinstance(kind, dict) and kind["type"] == "enum" and "default" in kind:
        known, default = frozenset(kind["symbols"]), kind["default"]
        return None, lambda value: default if isinstance(value, str) and value not in known else value
    if isinstance(kind, dict) and kind["type"] == "array" and isinstance(kind["items"], dict):
        return None, _nested(tuple(_field(field) for field in kind["items"]["fields"]))
    return None, None


def _nested(fields: tuple[_Field, ...]) -> Callable[[Any], Any]:
    """Defaults and unknown fields of an array of records, which hold no times, bytes or enums of their own."""

    def convert(value: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            return value
        return [
            {
                field.name: item.get(field.name, field.default)
                for field in fields
                if field.name in item or field.has_default
            }
            for item in value
        ]

    return convert


def _base64_text(payload: bytes) -> str:
    return base64.b64encode(payload).decode("ascii")


def _base64_bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise SchemaError(f"expected base64, found {type(value).__name__}")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SchemaError(f"not base64: {error}") from None


def _refuse_non_finite(name: str, part: Any) -> None:
    if isinstance(part, float):
        if not math.isfinite(part):
            raise SchemaError(f"{name}: JSON can't hold {part}")
    elif isinstance(part, Mapping):
        for item in part.values():
            _refuse_non_finite(name, item)
    elif isinstance(part, list | tuple):
        for item in part:
            _refuse_non_finite(name, item)
