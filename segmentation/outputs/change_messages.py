"""A frame of changes as messages in Avro single-object encoding, a column at a time.

The fields and their order come from the schema: a type that has no encoder here is an error, never a wrong message.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache, partial
from itertools import repeat
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from schemas.codec import MARKER
from schemas.errors import SchemaError
from schemas.registry import fingerprint, load_schema
from segmentation.outputs.change_frame import CHANGE_COLUMNS, NULLABLE_COLUMNS
from segmentation.outputs.change_rows import NESTED
from segmentation.outputs.column_checks import check_columns

_Pieces = list[Iterable[bytes]]
"""The bytes of a column as parallel sequences: a row's value is what they hold for it, joined."""

_Encode = Callable[[list[Any]], _Pieces]

#: What `encode_changes` adds to a frame.
_SENT: Final = frozenset({"emitted_at", "trace_context"})
_COLUMNS: Final = {name: kind for name, kind in CHANGE_COLUMNS.items() if name not in _SENT}

#: The fields that `_evidence` writes, in this order.
_EVIDENCE: Final = (
    ("feature", "string"),
    ("operator", "string"),
    ("value", ["null", "string", "long", "double", "boolean"]),
    ("threshold", ["null", "string"]),
)

#: The branch null of a union, the first in each.
_NULL: Final = b"\0"
#: Ends arrays and maps: a block of no items.
_END: Final = b"\0"

#: Rows that are encoded together: few enough that their data fits into the processor's cache.
_SLICE: Final = 1_000
#: From this many different values on, NumPy is faster.
_MANY: Final = 32

_double: Final = struct.Struct("<d").pack


def encode_changes(changes: pl.DataFrame, emitted_at: int) -> Iterator[bytes]:
    """For each change a message of schema ``segment_change``, as `schemas.codec.encode_single_object` gives it.

    ``changes`` has the columns of a frame of changes without ``emitted_at`` (µs; one for all) and ``trace_context``
    (null).

    Raises:
        SchemaError: the frame has other columns, or one of its values does not fit the schema.
    """
    changes = check_columns(changes, "frame of changes", _COLUMNS, NULLABLE_COLUMNS)
    sent = {"emitted_at": emitted_at, "trace_context": None}
    for part in changes.iter_slices(_SLICE):
        yield from _messages(part, sent)


def _messages(changes: pl.DataFrame, sent: Mapping[str, int | None]) -> list[bytes]:
    pieces: _Pieces = [repeat(MARKER + fingerprint("segment_change"))]
    try:
        for name, encode in _encoders().items():
            if name in sent:
                pieces += [repeat(*piece) for piece in encode([sent[name]])]
            else:
                pieces += encode(changes.get_column(name).to_list())
        return list(map(b"".join, zip(*pieces, strict=False)))
    except msgspec.DecodeError as error:
        raise SchemaError(f"frame of changes: JSON text that does not fit the schema: {error}") from error


@cache
def _encoders() -> dict[str, _Encode]:
    """By field of the schema, in its order."""
    return {field["name"]: _encoder(field["name"], field["type"]) for field in load_schema("segment_change")["fields"]}


def _encoder(name: str, kind: Any) -> _Encode:
    match kind:
        case "string":
            return _texts
        case "long" | {"type": "long"}:
            return partial(_by_value, _long, in_bulk=_longs)
        case "int":
            return partial(_by_value, partial(_int, name))
        case ["null", "int"]:
            return partial(_by_value, lambda value: _NULL if value is None else _SECOND + _int(name, value))
        case ["null", "string"]:
            return partial(_by_value, _text_or_null)
        case {"type": "enum", "symbols": symbols}:
            return partial(_by_value, partial(_symbol, name, {symbol: _long(at) for at, symbol in enumerate(symbols)}))
        case {"type": "array", "items": "string"}:
            return partial(_by_value, _of_json(name, _text_array))
        case {"type": "map", "values": "string"}:
            return partial(_by_value, _of_json(name, _text_map))
        case {"type": "array", "items": {"fields": fields}} if _types(fields) == _EVIDENCE:
            return partial(_by_value, _of_json(name, _evidence))
    raise SchemaError(f"segment_change: no encoder for columns writes the type of {name}")


def _types(fields: list[dict[str, Any]]) -> tuple[tuple[str, Any], ...]:
    return tuple((field["name"], field["type"]) for field in fields)


def _by_value(
    encode: Callable[[Any], bytes],
    values: list[Any],
    in_bulk: Callable[[list[Any]], list[bytes]] | None = None,
) -> _Pieces:
    """The encoded column. Where values are repeated, each distinct value is encoded once.

    A list, not a generator: to finish one column before the next is faster than to go row by row.
    """
    distinct = set(values)
    if 2 * len(distinct) <= len(values):
        return [list(map({value: encode(value) for value in distinct}.__getitem__, values))]
    if in_bulk is not None and len(values) >= _MANY:
        return [in_bulk(values)]
    return [list(map(encode, values))]


def _texts(values: list[str]) -> _Pieces:
    data = list(map(str.encode, values))
    return [*_by_value(_long, list(map(len, data))), data]


def _longs(values: list[int]) -> list[bytes]:
    """As `_long`, for many at once."""
    numbers = np.array(values, np.int64)
    zigzag = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    groups = zigzag[:, None] >> np.arange(0, 70, 7, dtype=np.uint64)
    digits = (groups & np.uint64(0x7F)).astype(np.uint8)
    digits[:, :-1] |= (groups[:, 1:] != 0).astype(np.uint8) << 7
    # NumPy cuts the zero bytes at the end of a fixed-size text; only the number 0 has such a byte itself.
    return [data or b"\0" for data in digits.view("S10").ravel().tolist()]


@lru_cache(4096)
def _long(value: int) -> bytes:
    """Zigzag, then 7 bits a byte, the lowest first; each byte but the last with its highest bit set."""
    if not -(2**63) <= value < 2**63:
        raise SchemaError("frame of changes: an integer needs more than 64 bits")
    rest = (value << 1) ^ (value >> 63)
    data = bytearray()
    while rest > 0x7F:
        data.append(rest & 0x7F | 0x80)
        rest >>= 7
    data.append(rest)
    return bytes(data)


#: The other branches of unions, by number.
_SECOND, _THIRD, _FOURTH, _FIFTH = map(_long, range(1, 5))


def _int(name: str, value: int) -> bytes:
    if not -(2**31) <= value < 2**31:
        raise SchemaError(f"frame of changes: {name} needs more than 32 bits")
    return _long(value)


def _symbol(name: str, codes: dict[str, bytes], value: str) -> bytes:
    if value not in codes:
        raise SchemaError(f"frame of changes: {name} is none of {', '.join(codes)}")
    return codes[value]


@lru_cache(4096)
def _text(value: str) -> bytes:
    data = value.encode()
    return _long(len(data)) + data


@lru_cache(4096)
def _text_or_null(value: str | None) -> bytes:
    return _NULL if value is None else _SECOND + _text(value)


def _of_json(name: str, encode: Callable[[Any], bytes]) -> Callable[[str], bytes]:
    decode = NESTED[name]
    return lambda text: encode(decode(text))


def _text_array(items: list[str]) -> bytes:
    return b"".join([_long(len(items)), *map(_text, items), _END]) if items else _END


def _text_map(items: dict[str, str]) -> bytes:
    texts = [_text(text) for item in items.items() for text in item]
    return b"".join([_long(len(items)), *texts, _END]) if items else _END


#: The union of evidence's ``value``: its branch, then the value.
_VALUES: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda _: _NULL,
    str: lambda value: _SECOND + _text(value),
    int: lambda value: _THIRD + _long(value),
    float: lambda value: _FOURTH + _double(value),
    bool: lambda value: _FIFTH + (b"\1" if value else b"\0"),
}


def _evidence(items: list[Any]) -> bytes:
    if not items:
        return _END
    pieces = [_long(len(items))]
    for item in items:
        value = item["value"]
        pieces += (
            _text(item["feature"]),
            _text(item["operator"]),
            _VALUES[type(value)](value),
            _text_or_null(item["threshold"]),
        )
    pieces.append(_END)
    return b"".join(pieces)
