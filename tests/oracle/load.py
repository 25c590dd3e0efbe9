"""Event logs as rows of text, integers and JSON: what is malformed is left out, values become text."""

import gzip
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

HOUR = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: event_id, user_id, name, occurred_at (µs), properties (JSON object of strings, keys sorted)
Row = tuple[str, str, str, int, str]
SCHEMA = {
    "event_id": pl.String,
    "user_id": pl.String,
    "name": pl.String,
    "occurred_at": pl.Int64,
    "properties": pl.String,
}


def value_text(value: object) -> str:
    """A property value as text: strings as they are, numbers and booleans as their shortest JSON text."""
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (
        re.sub(r"e([+-]?)0*(\d+)$", lambda m: f"e{m[1].replace('+', '')}{m[2]}", text)
        if isinstance(value, float)
        else text
    )


def instant(value: object) -> int:
    """Microseconds of an integer or an ISO 8601 text with a zone; raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return (moment - EPOCH) // timedelta(microseconds=1)
    raise ValueError(f"not an instant: {value!r}")


def to_row(event: object, latest: int | None = None) -> Row:
    """One event as a row; raises TypeError or ValueError where it isn't one or lies after `latest` (µs)."""
    if not isinstance(event, Mapping):
        raise TypeError("not an object")
    heartbeat = event.get("name") == "heartbeat"
    required = ("event_id", "name") if heartbeat else ("event_id", "user_id", "name")
    if not all(isinstance(event.get(key), str) and event[key] for key in required):
        raise ValueError("an id or the name is missing")
    occurred_at = instant(event.get("occurred_at"))
    if occurred_at < 0 or (latest is not None and occurred_at > latest):
        raise ValueError("occurred_at out of range")
    properties = event.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, Mapping):
        raise TypeError("properties is not an object")
    texts = {str(key): value_text(value) for key, value in properties.items() if value is not None}
    user_id = "" if heartbeat else event["user_id"]
    row = (
        event["event_id"],
        user_id,
        event["name"],
        occurred_at,
        json.dumps(texts, sort_keys=True, ensure_ascii=False),
    )
    "".join(map(str, row)).encode()  # a lone surrogate is no text: UnicodeEncodeError is a ValueError
    return row


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def lines_of(paths: Iterable[Path]) -> Iterator[bytes]:
    """The lines of the files (gz by name) that aren't blank."""
    for path in paths:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from (line for line in file if line.strip())


def jsonl_rows(paths: Iterable[Path], now: int | None = None) -> Iterator[Row]:
    """The well-formed events of JSON lines; none lies over an hour ahead of `now` (µs, default: the clock)."""
    latest = (time.time_ns() // 1000 if now is None else now) + HOUR
    for line in lines_of(paths):
        try:
            yield to_row(json.loads(line.decode(), parse_constant=_no_constant), latest)
        except (TypeError, ValueError, OverflowError, RecursionError):
            continue


def to_table(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a table with the columns of SCHEMA."""
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")
