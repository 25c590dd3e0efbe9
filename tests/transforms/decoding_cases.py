"""What the tests of decoding share: events as lines, and a whole file through reader and decoder."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.io.files.event_logs import read_chunks
from transforms.decoding.event_decoder import EventDecoder
from transforms.decoding.records import BadRecord
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import CHUNK_BYTES, Format

NOW = 1_800_000_000_000_000
T0 = 1_767_225_600_000_000


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A good event; a change to ``...`` takes the field away."""
    fields = {"event_id": f"e{number}", "user_id": f"u{number}", "name": "page_view", "occurred_at": T0 + number}
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def line(number: int = 1, **changes: Any) -> bytes:
    return json.dumps(event(number, **changes)).encode()


def decode_file(
    path: Path,
    form: Format = "json",
    properties: tuple[str, ...] = (),
    mapping: EventMapping | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> tuple[pl.DataFrame, list[BadRecord], int]:
    """All events, all bad records and the number of records read."""
    decoder = EventDecoder(properties, mapping)
    numbered = mapping is not None and mapping.numbers_repeats
    parts = [
        decoder.decode(chunk, NOW)
        for chunk in read_chunks(str(path), form, number_repeats=numbered, chunk_bytes=chunk_bytes)
    ]
    empty = pl.DataFrame(
        schema={"event_id": pl.String, "user_id": pl.String, "name": pl.String, "occurred_at": pl.Int64}
    )
    frames = [part.frame for part in parts]
    bad = [record for part in parts for record in part.bad]
    frame = pl.concat(frames) if frames else empty
    read = sum(part.read for part in parts)
    assert read == frame.height + len(bad)
    return frame, bad, read


def ids(frame: pl.DataFrame) -> list[str]:
    return frame["event_id"].to_list()


def reasons(bad: list[BadRecord]) -> list[tuple[int, str]]:
    return [(record.position, record.reason.value) for record in bad]
