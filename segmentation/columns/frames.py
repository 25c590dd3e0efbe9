"""Named tables as versioned bytes: the form in which a shard keeps its state.

Layout (little-endian): 4 bytes magic ``SGF1`` (the digit is the layout version), 4 bytes length of the header, the
header as JSON, then one Arrow IPC stream per table in the header's order. The header is ``{"meta": {...}, "tables":
[[name, length], ...]}``.
"""

import io
import json
import struct
from collections.abc import Mapping
from typing import Any

import polars as pl

from segmentation.errors import FatalError

_MAGIC = b"SGF1"
_LENGTH = struct.Struct("<I")


class FrameError(FatalError, ValueError):
    """Bytes that are not tables, or tables of a layout version that this code does not read.

    >>> try:
    ...     decode_frames(b"SGF9....")
    ... except FrameError as error:
    ...     print(error)
    expected tables of layout SGF1, found b'SGF9'
    """


def encode_frames(meta: Mapping[str, Any], tables: Mapping[str, pl.DataFrame], *, compress: bool = True) -> bytes:
    """The bytes of ``tables`` with ``meta`` (JSON values) beside them."""
    bodies = [_ipc_bytes(table, compress) for table in tables.values()]
    header = json.dumps(
        {"meta": meta, "tables": [[name, len(body)] for name, body in zip(tables, bodies, strict=True)]},
        separators=(",", ":"),
        sort_keys=True,
    ).encode()
    return b"".join([_MAGIC, _LENGTH.pack(len(header)), header, *bodies])


def decode_frames(data: bytes) -> tuple[dict[str, Any], dict[str, pl.DataFrame]]:
    """Meta and tables, as they were given to `encode_frames`.

    Raises:
        FrameError: wrong magic or an unknown layout version.
    """
    header, position = _header(data)
    tables = {}
    for name, length in header["tables"]:
        tables[name] = pl.read_ipc_stream(data[position : position + length], use_pyarrow=False)
        position += length
    return header["meta"], tables


def tables_under(tables: Mapping[str, pl.DataFrame], prefix: str) -> dict[str, pl.DataFrame]:
    """The tables whose names begin with ``prefix``, by the rest of their names."""
    return {name.removeprefix(prefix): table for name, table in tables.items() if name.startswith(prefix)}


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    if data[:4] != _MAGIC:
        raise FrameError(f"expected tables of layout {_MAGIC.decode()}, found {bytes(data[:4])!r}")
    (length,) = _LENGTH.unpack_from(data, 4)
    return json.loads(data[8 : 8 + length]), 8 + length


def _ipc_bytes(table: pl.DataFrame, compress: bool) -> bytes:
    sink = io.BytesIO()
    table.write_ipc_stream(
        sink, compression="lz4" if compress else "uncompressed", compat_level=pl.CompatLevel.oldest()
    )
    return sink.getvalue()
