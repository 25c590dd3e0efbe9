"""Columns as versioned bytes: what the messages between the stages are made of, cheap for a handful of rows.

Layout (little-endian): 4 bytes magic ``SGC1`` (the digit is the layout version), 4 bytes length of the header, the
header as JSON, then the body. The header is ``{"meta": {...}, "columns": [[name, dtype, bytes], ...], "size": n}``;
the body, compressed with LZ4 (a frame) where ``size``, its plain length, is above 0, is the columns' bytes one after
another, each padded with zeros to a multiple of 8. Strings are three columns: ``name`` (int32, -1 for null, a position
among the values), ``name/lengths`` (int32, in characters) and ``name/text`` (UTF-8 of all values together).
"""

import json
import struct
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from segmentation.columns.arrays import Column
from segmentation.columns.texts import Texts
from segmentation.errors import FatalError

_MAGIC = b"SGC1"
_LENGTH = struct.Struct("<I")
#: A smaller body is not worth compressing.
_COMPRESSED_FROM = 4096
#: Bytes of an internal user id.
_USER_BYTES = 32


class ColumnsError(FatalError, ValueError):
    """Bytes that are not columns, or columns of a layout version that this code does not read.

    >>> try:
    ...     decode_columns(b"SGC9....")
    ... except ColumnsError as error:
    ...     print(error)
    expected columns of layout SGC1, found b'SGC9'
    """


def encode_columns(meta: Mapping[str, Any], columns: Mapping[str, Column]) -> bytes:
    """The bytes of ``columns`` with ``meta`` (JSON values) beside them."""
    described, parts = [], []
    for name, values in columns.items():
        data = values.tobytes()
        described.append((name, values.dtype.str, len(data)))
        parts.append(data)
        if len(data) % 8:
            parts.append(bytes(-len(data) % 8))
    body = b"".join(parts)
    size = 0
    if len(body) >= _COMPRESSED_FROM:
        size, body = len(body), pa.compress(body, codec="lz4", asbytes=True)
    header = json.dumps({"meta": meta, "columns": described, "size": size}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return b"".join((_MAGIC, _LENGTH.pack(len(header)), header, body))


def decode_columns(data: bytes) -> tuple[dict[str, Any], dict[str, Column]]:
    """Meta and columns (read-only), as they were given to `encode_columns`.

    Raises:
        ColumnsError: wrong magic or an unknown layout version.
    """
    if data[:4] != _MAGIC:
        raise ColumnsError(f"expected columns of layout {_MAGIC.decode()}, found {bytes(data[:4])!r}")
    (length,) = _LENGTH.unpack_from(data, 4)
    position = 8 + length
    header = json.loads(data[8:position])
    if header["size"]:
        data = pa.decompress(memoryview(data)[position:], header["size"], codec="lz4", asbytes=True)
        position = 0
    columns = {}
    for name, kind, length in header["columns"]:
        dtype = np.dtype(kind)
        columns[name] = np.frombuffer(data, dtype, length // dtype.itemsize, position)
        position += length + -length % 8
    return header["meta"], columns


def text_columns(name: str, texts: Texts) -> dict[str, Column]:
    """A column of strings as the three that it is written as."""
    return {name: texts.codes, **list_columns(name, texts.values)}


def texts_from(name: str, columns: Mapping[str, Column]) -> Texts:
    """What `text_columns` wrote."""
    return Texts(columns[name], list_from(name, columns))


def list_columns(name: str, values: list[str]) -> dict[str, Column]:
    """A list of strings as the two columns that it is written as."""
    return {
        f"{name}/lengths": np.array([len(value) for value in values], np.int32),
        f"{name}/text": np.frombuffer("".join(values).encode(), np.uint8),
    }


def list_from(name: str, columns: Mapping[str, Column]) -> list[str]:
    """What `list_columns` wrote."""
    lengths = columns[f"{name}/lengths"]
    if not len(lengths):
        return []
    text = columns[f"{name}/text"].tobytes().decode()
    return [text[start:end] for start, end in pairwise(accumulate(lengths.tolist(), initial=0))]


def user_column(users: list[bytes]) -> Column:
    """Internal ids as one column of bytes."""
    return np.frombuffer(b"".join(users), np.uint8)


def users_from(column: Column) -> list[bytes]:
    """What `user_column` wrote."""
    data = column.tobytes()
    return [data[start : start + _USER_BYTES] for start in range(0, len(data), _USER_BYTES)]
