"""Event times of the native formats: integer microseconds, or ISO 8601 with a zone."""

from collections.abc import Sequence

import polars as pl

from segmentation.units import parse_instant

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

NOT_A_TIME = "neither integer microseconds nor an ISO 8601 time with a zone"


def clamp(micros: int) -> int:
    """The nearest 64-bit integer: beyond it every time is refused anyway, as far in the future or before the epoch."""
    return min(max(micros, INT64_MIN), INT64_MAX)


def time_column(values: Sequence[int | str | None]) -> tuple[pl.Series, dict[int, str]]:
    """Int64 µs, null where a value is absent or no time, and row → error for the values that are no time."""
    try:
        return pl.Series(values, dtype=pl.Int64), {}
    except (TypeError, OverflowError):
        pass  # some value is no 64-bit integer: read one by one
    micros: list[int | None] = []
    errors: dict[int, str] = {}
    for row, value in enumerate(values):
        if isinstance(value, str) and value:
            try:
                micros.append(parse_instant(value))
            except (ValueError, OverflowError):
                errors[row] = NOT_A_TIME
                micros.append(None)
        else:
            micros.append(clamp(value) if isinstance(value, int) else None)
    return pl.Series(micros, dtype=pl.Int64), errors
