"""The Avro schemas of this package: the current ones, and the earlier ones whose messages may still be on their way.

``<name>.avsc`` is current; ``previous/<name>.<n>.avsc`` is what was published before, never edited again.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import fastavro
from fastavro.schema import fingerprint as canonical_fingerprint
from fastavro.schema import to_parsing_canonical_form

from schemas.errors import SchemaError

Schema = dict[str, Any]

#: Every schema by the name that the functions of this package take.
SCHEMA_NAMES: Final = ("event", "segment_change", "profile", "dead_letter", "audit_record")

_FOLDER = Path(__file__).parent


def load_schema(name: str) -> Schema:
    """The current Avro schema as JSON gives it: docs, defaults and logical types included; a new copy at each call.

    >>> load_schema("event")["namespace"]
    'segments.v1'

    Raises:
        SchemaError: there is no schema of this name.
    """
    if name not in SCHEMA_NAMES:
        raise SchemaError(f"no schema is called {name!r}; there are {', '.join(SCHEMA_NAMES)}")
    return _read(_FOLDER / f"{name}.avsc")


def previous_schemas(name: str) -> dict[int, Schema]:
    """Earlier versions by number, the oldest first.

    >>> sorted(previous_schemas("event"))
    [1]
    """
    files = {int(path.name.split(".")[1]): path for path in (_FOLDER / "previous").glob(f"{name}.*.avsc")}
    return {number: _read(files[number]) for number in sorted(files)}


def fingerprint_of(schema: Schema) -> bytes:
    """CRC-64-AVRO of the parsing canonical form: 8 bytes, little-endian, as single-object encoding writes them.

    >>> fingerprint_of({"type": "record", "name": "R", "fields": []}).hex()
    '39f160b814c962bb'
    """
    # fastavro follows Java here: its hexadecimal text is of the little-endian bytes already.
    return bytes.fromhex(canonical_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@cache
def fingerprint(name: str) -> bytes:
    """`fingerprint_of` the current schema ``name``."""
    return fingerprint_of(load_schema(name))


@cache
def parsed_schema(name: str) -> Any:
    """The current schema, ready for fastavro to write with."""
    return fastavro.parse_schema(load_schema(name))


@cache
def plain_schema(name: str) -> Any:
    """The current schema without logical types, ready for fastavro to read with: times stay integers, at any size."""
    return plain(load_schema(name))


@cache
def plain_writers(name: str) -> Mapping[bytes, Any]:
    """Fingerprint → plain schema, of the current and every earlier version of ``name``."""
    versions = [*previous_schemas(name).values(), load_schema(name)]
    return MappingProxyType({fingerprint_of(schema): plain(schema) for schema in versions})


def plain(schema: Schema) -> Any:
    """Any Avro schema without its logical types, parsed by fastavro.

    Raises:
        SchemaError: it is no Avro schema.
    """
    try:
        return fastavro.parse_schema(_without_logical_types(schema))
    except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, KeyError, TypeError) as error:
        raise SchemaError(f"not an Avro schema: {error}") from error


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    # A default is data: its keys are no schema.
    return {
        key: part if key == "default" else _without_logical_types(part)
        for key, part in schema.items()
        if key not in ("logicalType", "__fastavro_parsed__", "__named_schemas")
    }


def _read(path: Path) -> Schema:
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema
