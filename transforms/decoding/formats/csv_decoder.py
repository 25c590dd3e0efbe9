"""Rows of delimited text to columns. A line is a record: a quoted field may hold delimiters, but no end of line."""

import csv
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from transforms.decoding.foreign.columns import foreign_columns
from transforms.decoding.formats.json_lines import lines_of
from transforms.decoding.payloads import LinePayload
from transforms.decoding.reasons import DeadLetterReason
from transforms.decoding.records import BadRecords, EventColumns, no_columns
from transforms.decoding.values import text_column
from transforms.mapping.model import EventMapping, native_csv
from transforms.raw_chunk import RawChunk

_BATCH_LINES = 4096
"""Lists of fields live for one batch only, which keeps memory and the garbage collector's work small."""


@lru_cache(maxsize=64)
def read_header(header: bytes, delimiter: str, quote: str | None) -> tuple[str, ...]:
    """The column names of a header line.

    Raises:
        ValueError: it is not UTF-8, or a quote in it does not end.
    """
    return tuple(_fields(header.decode(), delimiter, quote))


class CsvDecoder:
    """Decodes chunks of rows under their file's header."""

    def __init__(self, properties: tuple[str, ...], mapping: EventMapping | None) -> None:
        """``properties`` are the names that get a column; without a ``mapping`` the header names fields of events."""
        self._properties = properties
        self._mapping = mapping

    def decode(self, chunk: RawChunk, bad: BadRecords) -> EventColumns:
        """Columns of the rows with as many fields as the header; the others go to ``bad``."""
        delimiter, quote = (self._mapping.delimiter, self._mapping.quote) if self._mapping else (",", '"')
        try:
            header = read_header(chunk.header, delimiter, quote)
        except ValueError as error:
            return self._refuse(chunk, error, bad)
        mapping = self._mapping or native_csv(header)
        wanted = [column for column in mapping.columns() if column in header]
        columns: list[list[str]] = [[] for _ in wanted]
        positions: list[int] = []
        for rows, lines in _batches(chunk, len(header), delimiter, quote, bad):
            for values, column in zip(columns, wanted, strict=True):
                index = header.index(column)
                values += [row[index] for row in rows]
            positions += lines
        numbers = np.array(positions, dtype=np.int64)
        texts = {column: text_column(values) for column, values in zip(wanted, columns, strict=True)}
        return foreign_columns(texts, mapping, self._properties, numbers, LinePayload(chunk, numbers), chunk)

    def _refuse(self, chunk: RawChunk, error: ValueError, bad: BadRecords) -> EventColumns:
        for position, line in enumerate(lines_of(chunk), start=chunk.first_record):
            if line and not line.isspace():
                bad.add(DeadLetterReason.UNDECODABLE, f"the header can't be read: {error}", position, line)
        return no_columns(self._properties)


def _batches(
    chunk: RawChunk, width: int, delimiter: str, quote: str | None, bad: BadRecords
) -> Iterator[tuple[list[Sequence[str]], list[int]]]:
    lines = lines_of(chunk)
    for start in range(0, len(lines), _BATCH_LINES):
        batch = lines[start : start + _BATCH_LINES]
        yield _rows(batch, chunk.first_record + start, width, delimiter, quote, bad)


def _rows(
    lines: list[bytes], first: int, width: int, delimiter: str, quote: str | None, bad: BadRecords
) -> tuple[list[Sequence[str]], list[int]]:
    rows: list[Sequence[str]] = []
    positions: list[int] = []
    for position, line in enumerate(lines, start=first):
        if not line or (line.isspace() and delimiter.encode() not in line):
            continue
        try:
            fields = _fields(line.decode(), delimiter, quote)
        except ValueError as error:
            bad.add(DeadLetterReason.UNDECODABLE, error, position, line)
            continue
        if len(fields) == width:
            rows.append(fields)
            positions.append(position)
        else:
            found = f"{len(fields)} fields where the header has {width}"
            bad.add(DeadLetterReason.UNDECODABLE, found, position, line)
    return rows, positions


def _fields(line: str, delimiter: str, quote: str | None) -> list[str]:
    # The csv module takes as long for a plain line as all the rest of decoding it.
    if quote is None or quote not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, quotechar=quote, strict=True))
    except csv.Error as error:
        raise ValueError(f"{error}; a quoted field ends on its line") from error
