"""Newline-delimited JSON events to columns."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from schemas.types import Scalar
from transforms.decoding.foreign.columns import foreign_columns
from transforms.decoding.formats.json_lines import decode_lines
from transforms.decoding.payloads import LinePayload
from transforms.decoding.records import BadRecords, EventColumns
from transforms.decoding.times import time_column
from transforms.decoding.values import text_column
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import RawChunk


def flat_struct(title: str, names: Sequence[str]) -> tuple[type[msgspec.Struct], tuple[str, ...]]:
    """A struct of optional scalars, one for each JSON key of ``names``, and its attribute for each of them.

    Attributes are numbered, because keys need not be identifiers.
    """
    attributes = tuple(f"f{number}" for number in range(len(names)))
    shape = msgspec.defstruct(
        title,
        [(attribute, Scalar, None) for attribute in attributes],
        rename=dict(zip(attributes, names, strict=True)),
        gc=False,
    )
    return shape, attributes


class JsonDecoder:
    """Decodes chunks of native JSON events; of their properties only those asked for."""

    def __init__(self, properties: tuple[str, ...]) -> None:
        """``properties`` are the names that get a column."""
        self._properties = properties
        shape, self._attributes = flat_struct("Properties", properties)
        self._none = shape()
        event = msgspec.defstruct(
            "Event",
            [
                ("event_id", str | None, None),
                ("user_id", str | None, None),
                ("name", str | None, None),
                ("occurred_at", int | str | None, None),
                ("properties", shape | None, None),
            ],
            gc=False,
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(event)

    def decode(self, chunk: RawChunk, bad: BadRecords) -> EventColumns:
        """Columns of the lines that are events by their types; the others go to ``bad``."""
        event_ids: list[str | None] = []
        user_ids: list[str | None] = []
        names: list[str | None] = []
        times: list[int | str | None] = []
        properties: list[list[Scalar]] = [[] for _ in self._properties]
        positions = [np.empty(0, np.int64)]
        for rows, numbers in decode_lines(chunk, self._decoder, bad):
            event_ids += [row.event_id for row in rows]
            user_ids += [row.user_id for row in rows]
            names += [row.name for row in rows]
            times += [row.occurred_at for row in rows]
            inner = [self._none if row.properties is None else row.properties for row in rows]
            for values, attribute in zip(properties, self._attributes, strict=True):
                values.extend(map(attrgetter(attribute), inner))
            positions.append(numbers)
        occurred_at, time_errors = time_column(times)
        numbers = np.concatenate(positions)
        return EventColumns(
            event_id=text_column(event_ids),
            user_id=text_column(user_ids),
            name=text_column(names),
            occurred_at=occurred_at,
            time_errors=time_errors,
            properties={name: text_column(values) for name, values in zip(self._properties, properties, strict=True)},
            positions=numbers,
            payload=LinePayload(chunk, numbers),
        )


class ForeignJsonDecoder:
    """Decodes chunks of JSON objects that a mapping makes events of; their keys are its columns."""

    def __init__(self, properties: tuple[str, ...], mapping: EventMapping) -> None:
        """``properties`` are the names that get a column."""
        self._properties = properties
        self._mapping = mapping
        self._columns = mapping.columns()
        shape, self._attributes = flat_struct("Foreign", self._columns)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)

    def decode(self, chunk: RawChunk, bad: BadRecords) -> EventColumns:
        """Columns of the lines whose mapped keys hold scalars; the others go to ``bad``."""
        columns: list[list[Scalar]] = [[] for _ in self._columns]
        positions = [np.empty(0, np.int64)]
        for rows, numbers in decode_lines(chunk, self._decoder, bad):
            for values, attribute in zip(columns, self._attributes, strict=True):
                values.extend(map(attrgetter(attribute), rows))
            positions.append(numbers)
        numbers = np.concatenate(positions)
        texts = {column: text_column(values) for column, values in zip(self._columns, columns, strict=True)}
        return foreign_columns(texts, self._mapping, self._properties, numbers, LinePayload(chunk, numbers), chunk)
