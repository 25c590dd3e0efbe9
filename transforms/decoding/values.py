"""Values of foreign types as the columns of a batch carry them: text."""

import math
from collections.abc import Sequence

import msgspec
import polars as pl

from schemas.types import Scalar

_EXACT = 2**53


def scalar_text(value: Scalar) -> str | None:
    """A string as it is, a number as its shortest JSON text (``1.0`` is ``1``), a boolean as ``true`` or ``false``.

    Raises:
        ValueError: NaN and the infinities have no JSON text.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return msgspec.json.encode(value).decode()


def text_column(values: Sequence[Scalar]) -> pl.Series:
    """A String series of values that all have a text. Columns of strings alone take no detour."""
    try:
        return pl.Series(values, dtype=pl.String)
    except (TypeError, OverflowError):
        return pl.Series([scalar_text(value) for value in values], dtype=pl.String)


def text_problem(value: object) -> str | None:
    """Why a value has no text, or None where it has one."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, no number"
    if not isinstance(value, Scalar):
        return f"is {type(value).__name__}, neither text, number nor boolean"
    return None
