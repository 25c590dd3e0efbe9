"""Lines of JSON to typed structs: a slice of the chunk at a time where all is well, line by line where it is not."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from transforms.decoding.reasons import DeadLetterReason
from transforms.decoding.records import BadRecords
from transforms.raw_chunk import RawChunk

SLICE_BYTES = 1 << 18
"""Structs of a slice are turned into columns while they are in the processor's cache: twice as fast as a whole chunk,
and a bad line costs a slow pass over its own slice only."""

_NEWLINE, _OPEN, _CLOSE = 10, 123, 125

Rows = list[Any]
Positions = npt.NDArray[np.int64]


def lines_of(chunk: RawChunk) -> list[bytes]:
    """The lines of a chunk without their line ends, blank ones included."""
    lines = chunk.data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines] if b"\r" in chunk.data else lines


def decode_lines(
    chunk: RawChunk, decoder: msgspec.json.Decoder[Any], bad: BadRecords
) -> Iterator[tuple[Rows, Positions]]:
    """The objects of a chunk and their line numbers, slice by slice. Each line is one object; blank lines are none."""
    line = chunk.first_record
    for data in _slices(chunk.data):
        rows = _decode_slice(data, decoder)
        if rows is not None:
            yield rows, np.arange(line, line + len(rows), dtype=np.int64)
            line += len(rows)
        else:
            lines = data.split(b"\n")[:-1]
            yield _decode_each(lines, line, decoder, bad)
            line += len(lines)


def _slices(data: bytes) -> Iterator[bytes]:
    """Whole lines, about `SLICE_BYTES` at a time; each ends with a line end."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", min(start + SLICE_BYTES, len(data) - 1)) + 1
        yield data[start:end] if end else data[start:] + b"\n"
        start = end or len(data)


def _decode_slice(data: bytes, decoder: msgspec.json.Decoder[Any]) -> Rows | None:
    """The objects of a slice; None when it needs a closer look, for whatever reason.

    The decoder sees line ends as mere white space. If every line starts with ``{`` and ends with ``}``, no object goes
    on beyond its line (within a JSON value no ``}`` precedes a ``{`` with only space between), and if there are
    as many objects as lines, no line holds two.
    """
    content = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(content == _NEWLINE)
    if content[0] != _OPEN or not (content[ends - 1] == _CLOSE).all() or not (content[ends[:-1] + 1] == _OPEN).all():
        return None
    try:
        # The decoder skips fields that are not asked for without checking their encoding: all bytes are checked here.
        if not data.isascii():
            data.decode()
        rows = decoder.decode_lines(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return rows if len(rows) == len(ends) else None


def _decode_each(
    lines: list[bytes], first: int, decoder: msgspec.json.Decoder[Any], bad: BadRecords
) -> tuple[Rows, Positions]:
    rows: Rows = []
    positions = []
    for position, line in enumerate(lines, start=first):
        try:
            if not line.isascii():
                line.decode()
            elif not line or line.isspace():
                continue
            rows.append(decoder.decode(line))
            positions.append(position)
        except msgspec.ValidationError as error:
            reason = DeadLetterReason.WRONG_TYPE if _is_json(line) else DeadLetterReason.UNDECODABLE
            bad.add(reason, error, position, line.removesuffix(b"\r"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            bad.add(DeadLetterReason.UNDECODABLE, error, position, line.removesuffix(b"\r"))
    return rows, np.array(positions, dtype=np.int64)


def _is_json(line: bytes) -> bool:
    """Whether a line is JSON throughout: a typed decoder stops at the first wrong type, whatever follows."""
    try:
        msgspec.json.decode(line)
    except msgspec.ValidationError:
        return True  # a number that no double holds
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
