"""Columns of a foreign log, as text, to the columns of events."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.decoding.content_ids import content_ids
from transforms.decoding.foreign.times import foreign_times
from transforms.decoding.records import EventColumns
from transforms.mapping.model import Constant, EventMapping, FieldSource
from transforms.raw_chunk import RawChunk


def foreign_columns(
    texts: Mapping[str, pl.Series],
    mapping: EventMapping,
    properties: Sequence[str],
    positions: npt.NDArray[np.int64],
    payload: Callable[[int], bytes],
    chunk: RawChunk,
) -> EventColumns:
    """The columns that ``mapping`` makes of ``texts`` (String, one row per record).

    A column that the log does not have is null throughout, and so is a property that the mapping does not name.
    """
    rows = len(positions)
    absent = pl.Series([None] * rows, dtype=pl.String)
    occurred_at, time_errors = foreign_times(texts.get(mapping.occurred_at.column, absent), mapping.occurred_at)

    def read(source: FieldSource | None) -> pl.Series:
        if source is None:
            return absent
        if isinstance(source, Constant):
            return pl.Series([source.value] * rows, dtype=pl.String)
        values = texts.get(source.column, absent)
        return values.replace(dict(source.values)) if source.values else values

    return EventColumns(
        event_id=_ids(positions, payload, chunk) if mapping.event_id is None else read(mapping.event_id),
        user_id=read(mapping.user_id),
        name=read(mapping.name),
        occurred_at=occurred_at,
        time_errors=time_errors,
        properties={name: _null_where_empty(read(mapping.properties.get(name))) for name in properties},
        positions=positions,
        payload=payload,
    )


def _ids(positions: npt.NDArray[np.int64], payload: Callable[[int], bytes], chunk: RawChunk) -> pl.Series:
    repeats = dict(chunk.repeats)
    occurrences = [repeats.get(position - chunk.first_record, 1) for position in positions.tolist()]
    records = [payload(row) for row in range(len(positions))]
    return pl.Series(content_ids(records, occurrences), dtype=pl.String)


def _null_where_empty(values: pl.Series) -> pl.Series:
    return values.set(values == "", None)
