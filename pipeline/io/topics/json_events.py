"""Events of other formats as native JSON events: one object each, without a line end."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from transforms.event_batch import property_column

_FIELDS = ("event_id", "user_id", "name", "occurred_at")


def encode_columns(events: pl.DataFrame, properties: Sequence[str], *, source: bool = False) -> list[bytes]:
    """A line for each row of a frame as `transforms.event_batch.EventBatch` has it.

    ``properties`` are those to write; ``source``: the column of a property of that name is the event's own source.
    """
    columns: list[pl.Expr] = [pl.col(name) for name in _FIELDS]
    if source:
        columns.append(pl.col(property_column("source")).alias("source"))
    if properties:
        values = [pl.col(property_column(name)).alias(name) for name in properties]
        columns.append(pl.struct(values).alias("properties"))
    texts = events.select(pl.struct(columns).struct.json_encode()).to_series()
    return [text.encode() for text in texts.to_list()]


def encode_record(record: Mapping[str, Any], micros: float = 1.0) -> bytes | None:
    """The line of an Avro record, whatever its fields; None where it holds a number that JSON can't.

    ``micros`` is how many µs a unit of its ``occurred_at`` is.
    """
    properties = record.get("properties")
    values = [*record.values(), *(properties.values() if isinstance(properties, dict) else ())]
    if any(isinstance(value, float) and not math.isfinite(value) for value in values):
        return None
    time = record.get("occurred_at")
    if micros != 1.0 and isinstance(time, int):
        record = {**record, "occurred_at": time * int(micros) if micros > 1 else time // round(1 / micros)}
    return msgspec.json.encode(record)
