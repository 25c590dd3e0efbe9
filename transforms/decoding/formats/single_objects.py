"""Messages in Avro single-object encoding to columns, whatever version of the event schema they were written with."""

import io
from typing import Any

import numpy as np

from schemas.codec import HEADER_BYTES, MARKER, read_body
from schemas.errors import SchemaError
from schemas.registry import plain_writers
from transforms.decoding.formats.avro_decoder import event_columns, first_problem
from transforms.decoding.message_places import MessagePlaces
from transforms.decoding.reasons import DeadLetterReason
from transforms.decoding.records import BadRecords, EventColumns
from transforms.raw_chunk import RawChunk

_SCHEMA = "event"


class SingleObjectDecoder:
    """Decodes chunks of messages, one event each."""

    def __init__(self, properties: tuple[str, ...]) -> None:
        """``properties`` are the names that get a column."""
        self._properties = properties
        self._writers = plain_writers(_SCHEMA)

    def decode(self, chunk: RawChunk, bad: BadRecords) -> EventColumns:
        """Columns of the messages that are events by their types; the others go to ``bad``.

        Raises:
            ValueError: the chunk names no messages.
        """
        if chunk.messages is None:
            raise ValueError("a chunk of single objects needs its messages")
        messages = chunk.messages
        records: list[dict[str, Any]] = []
        rows: list[int] = []
        for row, found in enumerate(self._read(chunk.data, messages)):
            position = chunk.first_record + row
            if isinstance(found, SchemaError):
                bad.add(DeadLetterReason.UNDECODABLE, found, position, messages.cut(chunk.data, row))
                continue
            problem = first_problem(found["properties"], self._properties)
            if problem is None:
                records.append(found)
                rows.append(row)
            else:
                bad.add(DeadLetterReason.WRONG_TYPE, problem, position, messages.cut(chunk.data, row))
        positions = np.array(rows, dtype=np.int64) + chunk.first_record
        times = [record["occurred_at"] for record in records]
        return event_columns(
            records, times, self._properties, positions, lambda row: messages.cut(chunk.data, rows[row])
        )

    def _read(self, data: bytes, messages: MessagePlaces) -> list[dict[str, Any] | SchemaError]:
        stream = io.BytesIO(data)
        found: list[dict[str, Any] | SchemaError] = []
        for start, length in zip(messages.starts.tolist(), messages.lengths.tolist(), strict=True):
            try:
                found.append(self._read_one(stream, data, start, start + length))
            except SchemaError as error:
                found.append(error)
        return found

    def _read_one(self, stream: io.BytesIO, data: bytes, start: int, end: int) -> dict[str, Any]:
        """One message, read where it lies."""
        body = start + HEADER_BYTES
        if body > end or not data.startswith(MARKER, start):
            raise SchemaError("no Avro single-object encoding: it begins with C3 01 and 8 bytes of fingerprint")
        fingerprint = data[start + len(MARKER) : body]
        writer = self._writers.get(fingerprint)
        if writer is None:
            raise SchemaError(f"no version of the event schema has the fingerprint {fingerprint.hex()}")
        stream.seek(body)
        record = read_body(_SCHEMA, stream, writer)
        if stream.tell() != end:
            raise SchemaError(f"broken Avro: the record has {stream.tell() - body} bytes, its message {end - body}")
        return record
