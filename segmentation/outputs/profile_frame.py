"""Profiles as columns: the frame in which they travel from the segment rules to the profile store."""

from typing import Final

import polars as pl

from segmentation.outputs.column_checks import check_columns

#: Columns of a frame of profiles; a row is a subject at a tick, a subject at most once.
PROFILE_COLUMNS: Final[dict[str, type[pl.DataType]]] = {
    "subject_id": pl.String,
    "as_of": pl.Int64,  # tick, µs
    "sequence": pl.Int64,  # of the last settled change; 0 before the first
    "rules_version": pl.Int64,
    "memberships": pl.String,  # JSON array of names: ["a","b"]
    "features": pl.String,  # JSON object of scalars
}


def check_profiles(profiles: pl.DataFrame) -> pl.DataFrame:
    """The frame itself, its columns in the order of `PROFILE_COLUMNS`.

    Raises:
        SchemaError: a column is missing, unknown or of another type, or holds a null.
    """
    return check_columns(profiles, "frame of profiles", PROFILE_COLUMNS, frozenset())
