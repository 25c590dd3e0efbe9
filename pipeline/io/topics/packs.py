"""Packs: many records of a topic in one element, so that what each record costs is paid before Python sees it.

Layout (little-endian): magic ``SGP1`` (the digit is the layout version), uint32 count, ``count`` entries of 24 bytes
(int32 partition, int32 length or -1 for a null value, int64 offset, int64 timestamp in ms), then the values one after
another, each followed by one line end that its length leaves out; nothing at all for a null. A pack of JSON records is
thus newline-delimited JSON as it lies.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

_MAGIC: Final = b"SGP1"
_COUNT = struct.Struct("<I")
_HEADER_BYTES = len(_MAGIC) + _COUNT.size
ENTRY: Final = np.dtype([("partition", "<i4"), ("length", "<i4"), ("offset", "<i8"), ("timestamp", "<i8")])


class PackError(ValueError):
    """Bytes that are no pack of a layout version that this code reads."""


class Pack(NamedTuple):
    """A pack taken apart."""

    entries: npt.NDArray[Any]  #: of `ENTRY`, a row for each record
    values: bytes  #: what follows the entries


def decode_pack(data: bytes) -> Pack:
    """Entries and values of a pack; no record is looked at by itself.

    Raises:
        PackError: another layout version, or the bytes do not add up.
    """
    if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEADER_BYTES:
        raise PackError(f"expected a pack of layout {_MAGIC.decode()}, found {data[:_HEADER_BYTES]!r}")
    (count,) = _COUNT.unpack_from(data, len(_MAGIC))
    begin = _HEADER_BYTES + count * ENTRY.itemsize
    if len(data) < begin:
        raise PackError(f"a pack claims {count} records in {len(data)} bytes")
    entries = np.frombuffer(data, ENTRY, count, _HEADER_BYTES)
    values = data[begin:]
    expected = int(value_sizes(entries).sum())
    if len(values) != expected:
        raise PackError(f"a pack holds {len(values)} bytes of values where its entries claim {expected}")
    return Pack(entries, values)


def value_sizes(entries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """How many bytes each value takes, its line end included: none for a null."""
    return entries["length"].astype(np.int64) + 1


def pack_of_values(values: Sequence[bytes]) -> bytes:
    """The pack of values that nothing else is known of: their offsets count from 0, partition and time are 0."""
    entries = np.zeros(len(values), ENTRY)
    entries["length"] = np.fromiter(map(len, values), np.int32, len(values))
    entries["offset"] = np.arange(len(values))
    # Each has a line end after it, the last one too.
    return b"".join([_MAGIC, _COUNT.pack(len(values)), entries.tobytes(), b"\n".join([*values, b""])])
