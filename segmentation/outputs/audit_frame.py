"""Audit records as columns: the frame in which they travel from the stages to the sinks."""

from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from segmentation.outputs.column_checks import check_columns

#: Columns of a frame of audit records, in the order of ``audit_record.avsc`` without ``emitted_at``, which the sink
#: adds; a row is a record.
AUDIT_COLUMNS: Final[dict[str, type[pl.DataType]]] = {
    "audit_id": pl.String,
    "kind": pl.String,  # late_event
    "subject_id": pl.String,
    "event_name": pl.String,  # nullable
    "occurred_at": pl.Int64,  # µs
    "counted_at": pl.Int64,  # µs
    "rules_version": pl.Int64,
}

_NULLABLE: Final = frozenset({"event_name"})


def audit_records(frame: pl.DataFrame, emitted_at: int) -> Iterator[dict[str, Any]]:
    """The plain records of schema ``audit_record``, all sent at ``emitted_at`` (µs).

    Raises:
        SchemaError: a column is missing, unknown or of another type, or holds a null that it may not hold.
    """
    checked = check_columns(frame, "frame of audit records", AUDIT_COLUMNS, _NULLABLE)
    for record in checked.iter_rows(named=True):
        yield {**record, "emitted_at": emitted_at}
