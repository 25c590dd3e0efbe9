"""One log in every format."""

import csv
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import fastavro
import pytest

from pipeline.traffic.simulation import generate
from tests.pipeline.traffic.logs import FAULTY

PLAIN = replace(FAULTY, users=60, days=2, malformed=0.0, drift=0.0)


@pytest.fixture
def expected(tmp_path: Path) -> list[dict[str, Any]]:
    generate(PLAIN, str(tmp_path / "expected.jsonl"))
    with (tmp_path / "expected.jsonl").open() as file:
        return [json.loads(line) for line in file]


def test_gzip_holds_the_same_lines(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    generate(PLAIN, str(tmp_path / "events.jsonl.gz"))
    with gzip.open(tmp_path / "events.jsonl.gz", "rt") as file:
        assert [json.loads(line) for line in file] == expected


def test_avro_container_holds_the_same_events_in_the_published_schema(
    expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    summary = generate(PLAIN, str(tmp_path / "events.avro"))
    with (tmp_path / "events.avro").open("rb") as file:
        reader = fastavro.reader(file)
        records: list[Any] = list(reader)
        written: Any = reader.writer_schema
    published = json.loads(files("schemas").joinpath("event.avsc").read_text())
    assert fastavro.schema.to_parsing_canonical_form(written) == fastavro.schema.to_parsing_canonical_form(published)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for record, event in zip(records, expected, strict=True):
        record["occurred_at"] = (record["occurred_at"] - epoch) // timedelta(microseconds=1)
        assert record == {"properties": {}, **event}
    assert summary.lines == len(records)


def test_csv_holds_the_same_events(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    generate(PLAIN, str(tmp_path / "events.csv"))
    with (tmp_path / "events.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, event in zip(rows, expected, strict=True):
        properties = event.pop("properties", {})
        assert {name: value for name, value in row.items() if value} == {
            **{name: str(value) for name, value in event.items()},
            **properties,
        }


def test_csv_can_hold_malformed_rows(tmp_path: Path) -> None:
    summary = generate(replace(PLAIN, malformed=0.2), str(tmp_path / "events.csv"))
    assert summary.malformed > 0
    assert len((tmp_path / "events.csv").read_bytes().splitlines()) == summary.lines + 1


def test_missing_directories_are_made(tmp_path: Path) -> None:
    generate(PLAIN, str(tmp_path / "a" / "b" / "events.jsonl"))
    assert (tmp_path / "a" / "b" / "events.jsonl").stat().st_size > 0


def test_one_user_one_day(tmp_path: Path) -> None:
    summary = generate(replace(PLAIN, users=1, days=1), str(tmp_path / "events.jsonl"))
    assert summary.users == 1
    assert summary.names["signup"] >= 1
