"""The check of every frame that one module hands to another."""

from collections.abc import Mapping

import polars as pl

from schemas.errors import SchemaError


def check_columns(
    frame: pl.DataFrame, what: str, columns: Mapping[str, type[pl.DataType]], nullable: frozenset[str]
) -> pl.DataFrame:
    """The frame itself, its columns in the order of ``columns``; ``what`` is what errors call it.

    Raises:
        SchemaError: a column is missing, unknown or of another type, or holds a null and is not ``nullable``.
    """
    schema = frame.schema
    missing, unknown = columns.keys() - schema.keys(), schema.keys() - columns.keys()
    if missing or unknown:
        raise SchemaError(f"{what}: missing columns {sorted(missing)}, unknown columns {sorted(unknown)}")
    for name, expected in columns.items():
        if schema[name] != expected:
            raise SchemaError(f"{what}: {name} is {schema[name]}, expected {expected.__name__}")
        if name not in nullable and frame.get_column(name).null_count():
            raise SchemaError(f"{what}: {name} holds nulls")
    # For a frame of a few rows a select costs more than all checks above.
    return frame if list(schema) == list(columns) else frame.select(list(columns))
