"""Instants as JSON carries them: ISO 8601 in UTC with microseconds; integer µs since the epoch inside.

Subscribers install this package alone, so it has helpers of its own where the rules of segments have others.
"""

from datetime import UTC, datetime, timedelta

from schemas.errors import SchemaError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant_text(micros: int) -> str:
    """The time as JSON has it.

    >>> instant_text(1_767_225_600_000_000)
    '2026-01-01T00:00:00.000000Z'

    Raises:
        SchemaError: the instant lies outside the years 1 to 9999, which ISO 8601 can't write.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise SchemaError(f"{micros} µs is outside the years 1 to 9999 and can't be written as ISO 8601") from None
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def instant_micros(value: object) -> int:
    """Microseconds since the epoch of an ISO 8601 time with a zone, or of an integer that already counts them.

    >>> instant_micros("2026-01-01T02:00:00+02:00")
    1767225600000000

    Raises:
        SchemaError: the value is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise SchemaError(f"{value!r} is no time: expected ISO 8601 with a zone, or integer microseconds")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise SchemaError(f"{value!r} names no time zone; end it with Z or an offset such as +02:00")
        return (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError(f"{value!r} is no ISO 8601 time: {error}") from None
