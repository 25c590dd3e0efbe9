"""The framing of Avro object containers: header and blocks are cut out of a stream of bytes, not decoded.

A container is ``Obj\\x01``, a map of metadata, a sync marker of 16 bytes, and blocks: number of records, length, that
many bytes (compressed by the container's codec), the marker again. Numbers are zigzag varints.
"""

import io
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import fastavro

from schemas.registry import plain
from transforms.raw_chunk import FaultReason

MAGIC: Final = b"Obj\x01"
SYNC_BYTES: Final = 16
MAX_HEADER_BYTES: Final = 8 << 20
MAX_BLOCK_BYTES: Final = 64 << 20
"""A longer block is bad input (reason ``too_large``)."""

MAX_BLOCK_RECORDS: Final = 1 << 24
"""A block that claims more is damaged: records of no bytes could otherwise be claimed without end."""

#: What fastavro and the codecs raise on bytes that no writer has written.
BROKEN: Final = (
    EOFError,
    ValueError,  # also invalid UTF-8, and a SchemaError
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    zlib.error,
    fastavro.schema.SchemaParseException,
    fastavro.schema.UnknownType,
)


class DamagedError(ValueError):
    """The container can't be read on from here; `taken` are the bytes that were taken from it in trying."""

    def __init__(self, message: str, taken: bytes, reason: FaultReason = "undecodable") -> None:
        super().__init__(message)
        self.taken = taken
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a container and what follows from it."""

    raw: bytes
    sync: bytes
    schema: Any  #: writer's schema without logical types, parsed: times are read as the integers they are
    micros: dict[str, float]  #: field with a logical time → µs per unit


@dataclass(frozen=True, slots=True)
class RawBlock:
    """One block as it lies in the file, sync marker included."""

    records: int
    raw: bytes


class Tape:
    """A stream of which every byte taken is kept until `cut`."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """``read(n)`` gives up to ``n`` bytes, none only at the end."""
        self._read = read
        self._taken = bytearray()

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes.

        Raises:
            DamagedError: the stream ends before.
        """
        start = len(self._taken)
        while len(self._taken) < start + count:
            piece = self._read(start + count - len(self._taken))
            if not piece:
                raise self.damaged("the file ends in the middle of a container")
            self._taken += piece
        return bytes(self._taken[start:])

    def number(self) -> int:
        """The next zigzag varint of at most 64 bits."""
        value = shift = 0
        while shift < 70:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise self.damaged("a number of the container's frame has more than 64 bits")

    def cut(self) -> bytes:
        """Everything taken since the last cut."""
        taken = bytes(self._taken)
        self._taken.clear()
        return taken

    def damaged(self, message: str, reason: FaultReason = "undecodable") -> DamagedError:
        """The error for what has been taken so far."""
        return DamagedError(message, self.cut(), reason)


def take_header(tape: Tape) -> bytes:
    """The bytes of the header, sync marker included.

    Raises:
        DamagedError: there is none, or it is cut short.
    """
    if tape.take(len(MAGIC)) != MAGIC:
        raise tape.damaged("no Avro object container: it does not start with Obj and the byte 1")
    while entries := tape.number():
        if entries < 0:
            tape.number()  # the length in bytes of this part of the map
        for _ in range(2 * abs(entries)):
            length = tape.number()
            if not 0 <= length <= MAX_HEADER_BYTES:
                raise tape.damaged(f"the header claims an entry of {length} bytes")
            tape.take(length)
    tape.take(SYNC_BYTES)
    return tape.cut()


def take_block(tape: Tape, sync: bytes) -> RawBlock:
    """The next block; call it only where the stream has not ended.

    Raises:
        DamagedError: the block is cut short, or its frame makes no sense.
    """
    records, length = tape.number(), tape.number()
    if not 0 <= records <= MAX_BLOCK_RECORDS or length < 0:
        raise tape.damaged(f"a block claims {records} records in {length} bytes")
    if length > MAX_BLOCK_BYTES:
        raise tape.damaged(f"a block claims {length} bytes; at most {MAX_BLOCK_BYTES} are taken in", "too_large")
    tape.take(length)
    if tape.take(SYNC_BYTES) != sync:
        raise tape.damaged("a block does not end with the container's sync marker")
    return RawBlock(records, tape.cut())


@lru_cache(maxsize=64)
def parse_header(raw: bytes) -> Header:
    """What the bytes of a header say.

    Raises:
        ValueError: a schema that is none or is no record's, or a codec that is not known here.
    """
    try:
        container = fastavro.block_reader(io.BytesIO(raw))
        written = json.loads(container.metadata["avro.schema"])
        for _ in container:  # there is no block; this is where an unknown codec shows
            break
        if not isinstance(written, dict) or written.get("type") != "record":
            raise ValueError("the container's records are of no record type")
        return Header(raw, raw[-SYNC_BYTES:], plain(written), _times(written["fields"]))
    except BROKEN as error:
        raise ValueError(f"the header can't be read: {type(error).__name__}: {error}") from error


_MICROS = {"timestamp-millis": 1e3, "timestamp-micros": 1.0, "timestamp-nanos": 1e-3}


def _times(fields: list[dict[str, Any]]) -> dict[str, float]:
    times: dict[str, float] = {}
    for entry in fields:
        for part in entry["type"] if isinstance(entry["type"], list) else [entry["type"]]:
            kind = part.get("logicalType") if isinstance(part, dict) else None
            if kind in _MICROS:
                times[entry["name"]] = _MICROS[kind]
    return times
