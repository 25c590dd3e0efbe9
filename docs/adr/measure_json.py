"""CPU seconds to read 1,000,000 JSON events: decoded and validated here, and merely parsed by pyarrow and Polars.

Run: .venv/bin/python docs/adr/measure_json.py
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.json

from pipeline.io.files.event_logs import read_chunks
from pipeline.traffic.zipf import zipf_events
from transforms.decoding.event_decoder import EventDecoder

EVENTS = 1_000_000
#: 2100-01-01T00:00:00Z, µs: no event lies after it.
NOW = 4_102_444_800_000_000


def decode(path: Path) -> int:
    """As `DecodeEvents` does: typed, validated, errors with their places."""
    decoder = EventDecoder(("invitee",))
    return sum(decoder.decode(chunk, NOW).frame.height for chunk in read_chunks(str(path), "json"))


def parse_pyarrow(path: Path) -> int:
    """Columns whose types are guessed; one bad line fails the file."""
    return int(pyarrow.json.read_json(path).num_rows)


def parse_polars(path: Path) -> int:
    """Columns whose types are guessed from the first lines."""
    return pl.read_ndjson(path).height


def parse_polars_narrow(path: Path) -> int:
    """Only the columns that are read, of given types."""
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"event_id": pl.String, "user_id": pl.String}
    schema |= {"name": pl.String, "occurred_at": pl.Int64, "properties": pl.Struct({"invitee": pl.String})}
    return pl.read_ndjson(path, schema=schema).height


def measure(read: Callable[[Path], int], path: Path) -> float:
    """The least CPU seconds, all threads together, of three readings."""
    found = []
    for _ in range(3):
        started = time.process_time()
        if read(path) != EVENTS:
            raise ValueError(f"{read.__name__} lost events")
        found.append(time.process_time() - started)
    return round(min(found), 2)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.jsonl"
        zipf_events(EVENTS, 100_000, 14, 1, str(log))
        seconds = {
            read.__name__: measure(read, log) for read in (decode, parse_pyarrow, parse_polars, parse_polars_narrow)
        }
        sys.stdout.write(json.dumps({"bytes": log.stat().st_size, "cpu_seconds": seconds}) + "\n")
