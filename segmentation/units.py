"""Time as the whole project counts it: integer microseconds UTC since the epoch; windows and ticks aligned to it."""

import re
from datetime import UTC, datetime, timedelta

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"us": 1, "ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(?:\d+(?:us|ms|s|m|h|d))+")
_PART = re.compile(r"(\d+)(us|ms|s|m|h|d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_duration(text: str) -> int:
    """Microseconds of a duration such as ``10s``, ``24h``, ``7d`` or ``1h30m``.

    Raises:
        ValueError: the text is not a sequence of whole numbers with a unit of us, ms, s, m, h or d.
    """
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration; write a whole number and a unit (ms, s, m, h, d), such as 24h")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(micros: int) -> str:
    """The shortest text that `parse_duration` reads back as ``micros``."""
    if micros == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        number, micros = divmod(micros, _UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)


def parse_instant(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 date and time with a zone.

    Raises:
        ValueError: the text is no ISO 8601 time, or names no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone; end it with Z or an offset such as +02:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_instant(micros: int) -> str:
    """ISO 8601 in UTC with microseconds, such as ``2026-01-01T00:00:00.000000Z``."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def floor_to(time: int, step: int) -> int:
    """The latest multiple of ``step`` that is not after ``time``."""
    return time // step * step


def next_tick(time: int, step: int) -> int:
    """The first multiple of ``step`` strictly after ``time``: the tick that first sees an event at ``time``."""
    return (time // step + 1) * step
