"""Segment changes as columns: the frame in which changes travel from the segment rules to the sinks."""

from typing import Final

import polars as pl

from segmentation.outputs.column_checks import check_columns

#: Columns of a frame of changes, in the order of ``segment_change.avsc``; a row is a change. Fields that are nested in
#: Avro are JSON text here: it is written once, where the change is made, and copied into JSON lines.
CHANGE_COLUMNS: Final[dict[str, type[pl.DataType]]] = {
    "change_id": pl.String,
    "subject_id": pl.String,
    "segment": pl.String,
    "action": pl.String,  # ENTERED, EXITED, RETRACTED
    "effective_at": pl.Int64,  # µs
    "stage": pl.String,  # EARLY, ON_TIME, LATE
    "cause": pl.String,
    "sequence": pl.Int64,
    "early_index": pl.Int64,  # nullable
    "memberships": pl.String,  # JSON array of names: ["a","b"]
    "rules_version": pl.Int64,
    "evidence": pl.String,  # JSON array of {"feature","operator","value","threshold"}
    "flags": pl.String,  # JSON object of texts
    "emitted_at": pl.Int64,  # µs
    "trace_context": pl.String,  # nullable
}

NULLABLE_COLUMNS: Final = frozenset({"early_index", "trace_context"})


def check_changes(changes: pl.DataFrame) -> pl.DataFrame:
    """The frame itself, its columns in the order of `CHANGE_COLUMNS`.

    Raises:
        SchemaError: a column is missing, unknown or of another type, or holds a null that it may not hold.
    """
    return check_columns(changes, "frame of changes", CHANGE_COLUMNS, NULLABLE_COLUMNS)
