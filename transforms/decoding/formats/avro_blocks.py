"""Blocks of an Avro object container to records and to the bytes of each."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import fastavro

from transforms.decoding.formats.avro_container import BROKEN, Header, Tape, parse_header, take_block
from transforms.raw_chunk import RawChunk


@dataclass(frozen=True, slots=True)
class Block:
    """One block: decompressed, and decoded where `error` is None."""

    header: Header
    raw: bytes  #: as it lies in the file
    body: bytes  #: decompressed
    first_record: int  #: number of its first record in the file, from 1
    count: int  #: of records, as its frame claims
    records: list[dict[str, Any]]
    error: Exception | None = None

    def slices(self) -> list[bytes]:
        """The bytes of each record."""
        stream = io.BytesIO(self.body)
        ends = [0]
        for _ in self.records:
            fastavro.schemaless_reader(stream, self.header.schema, None)
            ends.append(stream.tell())
        return [self.body[start:end] for start, end in pairwise(ends)]


def read_blocks(chunk: RawChunk) -> Iterator[Block]:
    """The blocks of a chunk, the broken ones with their error."""
    header = parse_header(chunk.header)
    data = io.BytesIO(chunk.data)
    tape = Tape(data.read)
    first = chunk.first_record
    while data.tell() < len(chunk.data):
        block = take_block(tape, header.sync)
        body, error = b"", None
        records: list[dict[str, Any]] = []
        try:
            body = _decompress(header, block.raw)
            records = _records(header, body, block.records)
        except BROKEN as broken:
            error = broken
        yield Block(header, block.raw, body, first, block.records, records, error)
        first += block.records


def _decompress(header: Header, raw: bytes) -> bytes:
    block: Any = next(iter(fastavro.block_reader(io.BytesIO(header.raw + raw))))
    return cast(io.BytesIO, block.bytes_).read()


def _records(header: Header, body: bytes, count: int) -> list[dict[str, Any]]:
    """All records in one call: a block is an array without its frame."""
    array = io.BytesIO(_zigzag(count) + body + b"\x00" if count else b"\x00" + body)
    records = fastavro.schemaless_reader(array, {"type": "array", "items": header.schema}, None)
    if array.read(1):
        raise ValueError("a block holds more bytes than its records")
    return cast(list[dict[str, Any]], records)


def _zigzag(number: int) -> bytes:
    value, out = number << 1, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
