"""Blocks of Avro object containers to columns, by the schema that they were written with.

Fields that an older schema lacks are absent; what a newer one added is passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.decoding.foreign.columns import foreign_columns
from transforms.decoding.formats.avro_blocks import Block, read_blocks
from transforms.decoding.payloads import BlockPayload
from transforms.decoding.reasons import DeadLetterReason
from transforms.decoding.records import BadRecords, EventColumns
from transforms.decoding.times import time_column
from transforms.decoding.values import text_column, text_problem
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import RawChunk

_TEXTS = ("event_id", "user_id", "name")


class AvroDecoder:
    """Decodes chunks of records that have the fields of events."""

    def __init__(self, properties: tuple[str, ...]) -> None:
        """``properties`` are the names that get a column."""
        self._properties = properties

    def decode(self, chunk: RawChunk, bad: BadRecords) -> EventColumns:
        """Columns of the records that are events by their types; the others, and broken blocks, go to ``bad``."""
        records, payload = _sound_records(chunk, bad, self._problem)
        times = _in_micros([record.get("occurred_at") for record in records], payload, "occurred_at")
        return event_columns(records, times, self._properties, payload.positions, payload)

    def _problem(self, record: dict[str, Any]) -> str | None:
        for name in _TEXTS:
            if not isinstance(record.get(name), str | None):
                return f"{name} is {type(record[name]).__name__}, not a string"
        time = record.get("occurred_at")
        if isinstance(time, bool) or not isinstance(time, int | str | None):
            return f"occurred_at is {type(time).__name__}, neither an integer nor a string"
        properties = record.get("properties")
        if not isinstance(properties, dict | None):
            return f"properties are {type(properties).__name__}, no map"
        return first_problem(properties or {}, self._properties)


def event_columns(
    records: Sequence[Mapping[str, Any]],
    times: Sequence[int | str | None],
    properties: Sequence[str],
    positions: npt.NDArray[np.int64],
    payload: Callable[[int], bytes],
) -> EventColumns:
    """The columns of records that are events by their types; ``times`` are their ``occurred_at``, integers in µs."""
    occurred_at, time_errors = time_column(times)
    inner = [record.get("properties") or {} for record in records]
    return EventColumns(
        event_id=text_column([record.get("event_id") for record in records]),
        user_id=text_column([record.get("user_id") for record in records]),
        name=text_column([record.get("name") for record in records]),
        occurred_at=occurred_at,
        time_errors=time_errors,
        properties={name: text_column([values.get(name) for values in inner]) for name in properties},
        positions=positions,
        payload=payload,
    )


class ForeignAvroDecoder:
    """Decodes chunks of records that a mapping makes events of; their fields are its columns."""

    def __init__(self, properties: tuple[str, ...], mapping: EventMapping) -> None:
        """``properties`` are the names that get a column."""
        self._properties = properties
        self._mapping = mapping
        self._columns = mapping.columns()

    def decode(self, chunk: RawChunk, bad: BadRecords) -> EventColumns:
        """Columns of the records whose mapped fields hold scalars; the others, and broken blocks, go to ``bad``."""
        records, payload = _sound_records(chunk, bad, self._problem)
        columns = {column: [record.get(column) for record in records] for column in self._columns}
        time = self._mapping.occurred_at
        if time.unit is None and time.format is None:
            columns[time.column] = _in_micros(columns[time.column], payload, time.column)
        texts = {column: text_column(values) for column, values in columns.items()}
        return foreign_columns(texts, self._mapping, self._properties, payload.positions, payload, chunk)

    def _problem(self, record: dict[str, Any]) -> str | None:
        return first_problem(record, self._columns)


def first_problem(values: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Why the value of one of ``names`` has no text, or None where all have one."""
    for name in names:
        problem = text_problem(values.get(name))
        if problem:
            return f"{name} {problem}"
    return None


def _sound_records(chunk: RawChunk, bad: BadRecords, problem: Any) -> tuple[list[dict[str, Any]], BlockPayload]:
    """The records without a problem, and the way to their bytes."""
    records: list[dict[str, Any]] = []
    positions: list[int] = []
    blocks: list[Block] = []
    for block in read_blocks(chunk):
        if block.error is not None:
            bad.add(DeadLetterReason.UNDECODABLE, block.error, block.first_record, block.raw)
            continue
        blocks.append(block)
        for position, record in enumerate(block.records, start=block.first_record):
            found = problem(record)
            if found is None:
                records.append(record)
                positions.append(position)
            else:
                payload = block.slices()[position - block.first_record]
                bad.add(DeadLetterReason.WRONG_TYPE, found, position, payload)
    return records, BlockPayload(blocks, np.array(positions, dtype=np.int64))


def _in_micros(values: list[Any], payload: BlockPayload, name: str) -> list[Any]:
    """Integers of a logical time as µs; all blocks of a chunk have one schema."""
    factor = payload.blocks[0].header.micros.get(name, 1.0) if payload.blocks else 1.0
    if factor == 1.0:
        return values
    if factor > 1:
        return [value * int(factor) if isinstance(value, int) else value for value in values]
    return [value // round(1 / factor) if isinstance(value, int) else value for value in values]
