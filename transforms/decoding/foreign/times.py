"""Event times of foreign logs, from text: numbers in some unit since the epoch, or texts in some format."""

import polars as pl

from transforms.decoding.times import INT64_MAX, INT64_MIN, time_column
from transforms.mapping.model import LogTime, Unit

_MICROS_PER_UNIT: dict[Unit, int] = {"s": 1_000_000, "ms": 1_000, "us": 1}
_NANOS_PER_MICRO = 1_000
_WHOLE_NUMBER = r"^[+-]?\d{1,40}$"


def foreign_times(texts: pl.Series, time: LogTime) -> tuple[pl.Series, dict[int, str]]:
    """Int64 µs, null where a text is absent, empty or no time, and row → error for what is no time."""
    texts = texts.str.strip_chars()
    if time.unit is not None:
        micros, error = _from_numbers(texts, time.unit), f"no number of {time.unit} since the epoch"
    elif time.format is not None:
        micros, error = _from_format(texts, time.format, time.zone), f"not of the form {time.format}"
    else:
        whole = texts.str.contains(_WHOLE_NUMBER).fill_null(False)
        return time_column([int(text) if number else text for text, number in zip(texts, whole, strict=True)])
    wrong = micros.is_null() & texts.is_not_null() & (texts != "")
    return micros, dict.fromkeys(wrong.arg_true().to_list(), error)


def _from_numbers(texts: pl.Series, unit: Unit) -> pl.Series:
    whole = texts.cast(pl.Int64, strict=False)
    decimal = texts.cast(pl.Float64, strict=False)
    if unit == "ns":
        exact = whole // _NANOS_PER_MICRO
        rounded = decimal / _NANOS_PER_MICRO
    else:
        factor = _MICROS_PER_UNIT[unit]
        # Beyond 64 bits the decimal reading takes over, which ends at the widest time there is.
        exact = whole.set(whole.abs() > INT64_MAX // factor, None) * factor
        rounded = decimal * factor
    clamped = rounded.round().clip(INT64_MIN, INT64_MAX - _EXCESS).set(~rounded.is_finite(), None)
    return exact.fill_null(clamped.cast(pl.Int64, strict=False))


#: 2**63 - 1 has no double of its own and would round up beyond 64 bits.
_EXCESS = 1 << 10


def _from_format(texts: pl.Series, form: str, zone: str) -> pl.Series:
    form = polars_format(form)
    parsed = texts.str.to_datetime(form, time_unit="us", strict=False)
    if "%z" not in form:
        parsed = parsed.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return parsed.dt.epoch("us")


def polars_format(form: str) -> str:
    """Python's ``%f`` (1 to 6 digits) as Polars writes a fraction: with its point, and absent where it is zero."""
    return form.replace(".%f", "%.f").replace("%f", "%6f")
