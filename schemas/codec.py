"""Messages: Avro single-object encoding, ``C3 01`` + fingerprint of the writer's schema (8 bytes) + body.

Functions take and give plain records (see `schemas.records` for the wire types): times are integer µs. The other
encodings are `schemas.containers` and `schemas.json_codec`.
"""

import io
import zlib
from collections.abc import Mapping
from typing import Any, Final

import fastavro

from schemas.check import check_record
from schemas.errors import SchemaError
from schemas.registry import fingerprint, parsed_schema, plain_schema, plain_writers

MARKER: Final = b"\xc3\x01"
HEADER_BYTES: Final = len(MARKER) + 8

#: What fastavro raises on bytes that no writer of the schema has written.
BROKEN_BODY: Final = (
    EOFError,
    ValueError,  # also invalid UTF-8
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    RecursionError,
    zlib.error,
    fastavro.read.SchemaResolutionError,
)


def encode_body(name: str, record: Mapping[str, Any]) -> bytes:
    """Avro binary of one record of schema ``name``, without any header.

    Raises:
        SchemaError: the record does not fit the schema.
    """
    check_record(name, record)
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, parsed_schema(name), record)
    except (ValueError, TypeError, OverflowError) as error:
        raise SchemaError(f"{name}: {error}") from error
    return out.getvalue()


def encode_single_object(name: str, record: Mapping[str, Any]) -> bytes:
    """One message of schema ``name``; its reader needs the schemas of this package.

    >>> profile = {"subject_id": "s1.a", "sequence": 0, "memberships": [], "provisional": [], "features": {},
    ...            "as_of": 0, "rules_version": 1}
    >>> message = encode_single_object("profile", profile)
    >>> message[:2].hex(), message[2:10] == fingerprint("profile")
    ('c301', True)
    >>> decode_single_object("profile", message) == profile
    True

    Raises:
        SchemaError: the record does not fit the schema.
    """
    return MARKER + fingerprint(name) + encode_body(name, record)


def is_single_object(data: bytes) -> bool:
    """Whether the bytes begin as single-object encoding does; JSON never does.

    >>> is_single_object(b'{"event_id": "e1"}')
    False
    """
    return data.startswith(MARKER)


def decode_single_object(name: str, data: bytes) -> dict[str, Any]:
    """The record of one message that the current or an earlier version of schema ``name`` has written.

    Raises:
        SchemaError: not single-object encoding, an unknown writer, or a body that is cut, broken or too long.
    """
    if not is_single_object(data) or len(data) < HEADER_BYTES:
        raise SchemaError(f"{name}: no Avro single-object encoding: it begins with C3 01 and 8 bytes of fingerprint")
    writer = plain_writers(name).get(data[len(MARKER) : HEADER_BYTES])
    if writer is None:
        found = data[len(MARKER) : HEADER_BYTES].hex()
        raise SchemaError(f"{name}: no version of the schema has the fingerprint {found}")
    body = io.BytesIO(data)
    body.seek(HEADER_BYTES)
    record = read_body(name, body, writer)
    if body.tell() != len(data):
        raise SchemaError(f"{name}: {len(data) - body.tell()} bytes follow the record")
    return record


def read_body(name: str, body: io.BytesIO, writer: Any) -> dict[str, Any]:
    """The next record of ``body``, of the plain schema ``writer``, resolved to the current schema ``name``.

    Raises:
        SchemaError: the bytes are cut or broken, or the two schemas do not resolve.
    """
    try:
        record = fastavro.schemaless_reader(body, writer, plain_schema(name))
    except BROKEN_BODY as error:
        raise SchemaError(f"{name}: broken Avro: {type(error).__name__}: {error}") from error
    if not isinstance(record, dict):
        raise SchemaError(f"{name}: the writer's schema is no record")
    return record
