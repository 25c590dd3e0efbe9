"""The file of changes: what it holds, that it appears whole, and what it refuses."""

import gzip
import json
import resource
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.io.files.output import OutputError
from pipeline.io.files.writers import ChangesWriter
from schemas.containers import read_container
from schemas.errors import SchemaError
from schemas.json_codec import decode_json, encode_json
from schemas.records import from_record, to_record
from schemas.registry import load_schema
from schemas.types import SegmentChange
from segmentation.outputs.change_frame import CHANGE_COLUMNS
from segmentation.outputs.change_rows import change_records, json_lines
from tests.pipeline.io.changes import CHANGE, consistent_log, frame
from tests.schemas.strategies import CHANGES

LOG = consistent_log([(0, 0), (1, 0), (0, 1), (0, 0), (1, 0)])


def _lines(path: Path) -> list[SegmentChange]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [from_record(SegmentChange, decode_json("segment_change", line)) for line in data.splitlines()]


def _records(path: Path) -> list[SegmentChange]:
    with path.open("rb") as source:
        return [
            from_record(SegmentChange, record) for block in read_container(source, "segment_change") for record in block
        ]


READ = {".jsonl": _lines, ".jsonl.gz": _lines, ".avro": _records}


@pytest.mark.parametrize("ending", READ)
def test_frames_come_back_as_written_in_order(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"changes{ending}"
    with ChangesWriter(str(path)) as writer:
        writer.write(frame(*LOG[:2]))
        writer.write(frame())
        writer.write(frame(*LOG[2:]))
    assert READ[ending](path) == LOG


@pytest.mark.parametrize("ending", READ)
def test_no_changes_give_an_empty_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"changes{ending}"
    ChangesWriter(str(path)).close()
    assert READ[ending](path) == []


def test_columns_are_the_fields_of_the_schema_in_order() -> None:
    assert list(CHANGE_COLUMNS) == [field["name"] for field in load_schema("segment_change")["fields"]]


def test_line_is_one_json_object_in_the_order_of_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    with ChangesWriter(str(path)) as writer:
        writer.write(frame(CHANGE))
    assert path.read_text() == (
        '{"change_id":"c1","subject_id":"s1.a","segment":"power_user","action":"ENTERED",'
        '"effective_at":"2026-01-01T00:00:00.000000Z","stage":"ON_TIME","cause":"event","sequence":1,"early_index":null,'
        '"memberships":["power_user"],"rules_version":1,'
        '"evidence":[{"feature":"percentile(engagement)","operator":">=","value":81.5,"threshold":"80"}],'
        '"flags":{"beta":"on"},"emitted_at":"2026-01-01T00:00:00.000005Z","trace_context":null}\n'
    )


@given(st.lists(CHANGES, max_size=4))
def test_columnar_lines_equal_the_codec_for_any_text_and_number(changes: list[SegmentChange]) -> None:
    lines = json_lines(frame(*changes)).to_list()
    expected = [encode_json("segment_change", to_record(change)) for change in changes]
    assert [json.loads(line) for line in lines] == [json.loads(line) for line in expected]
    assert not any("\n" in line for line in lines)


@given(st.lists(CHANGES, max_size=4))
def test_records_of_a_frame_are_those_of_its_changes(changes: list[SegmentChange]) -> None:
    assert list(change_records(frame(*changes))) == [to_record(change) for change in changes]


@pytest.mark.parametrize("size", [7_999, 8_000, 8_001])
def test_slice_edges_lose_and_repeat_nothing(tmp_path: Path, size: int) -> None:
    path = tmp_path / "changes.jsonl"
    with ChangesWriter(str(path)) as writer:
        writer.write(pl.concat([frame(CHANGE)] * size).with_columns(sequence=pl.int_range(size)))
    assert pl.read_ndjson(path)["sequence"].to_list() == list(range(size))


def test_file_appears_on_close_only(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    path.write_text("before")
    writer = ChangesWriter(str(path))
    writer.write(frame(CHANGE))
    assert path.read_text() == "before"
    writer.close()
    writer.close()
    assert len(_lines(path)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["changes.jsonl"]


@pytest.mark.parametrize("ending", READ)
def test_abort_leaves_what_stood_there_and_no_other_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"changes{ending}"
    path.write_text("before")
    writer = ChangesWriter(str(path))
    writer.write(frame(CHANGE))
    writer.abort()
    writer.abort()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_error_inside_the_block_aborts(tmp_path: Path) -> None:
    frames = [frame(CHANGE), frame(CHANGE).drop("segment")]
    with pytest.raises(SchemaError), ChangesWriter(str(tmp_path / "changes.jsonl")) as writer:
        any(map(writer.write, frames))
    assert list(tmp_path.iterdir()) == []


def test_two_writers_of_one_path_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    first, second = ChangesWriter(str(path)), ChangesWriter(str(path))
    first.write(frame(LOG[0]))
    second.write(frame(LOG[1]))
    second.close()
    first.close()
    assert _lines(path) == [LOG[0]]


def test_same_changes_give_the_same_gzip_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with ChangesWriter(str(tmp_path / f"{name}.jsonl.gz")) as writer:
            writer.write(frame(*LOG))
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_missing_folders_are_created_and_links_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "deep" / "er" / "changes.jsonl")
    ChangesWriter(str(link)).close()
    assert link.is_symlink()
    assert link.read_bytes() == b""


def test_closed_writer_refuses_more(tmp_path: Path) -> None:
    writer = ChangesWriter(str(tmp_path / "changes.jsonl"))
    writer.close()
    with pytest.raises(OutputError, match=r"--changes: .* is closed"):
        writer.write(frame(CHANGE))


@pytest.mark.parametrize("path", ["changes.csv", "changes", "changes.avro.gz", ""])
def test_unknown_ending_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(OutputError, match=r"--changes: .* end it with .jsonl, .jsonl.gz, .avro"):
        ChangesWriter(str(tmp_path / path))


def test_place_that_can_not_be_written_is_refused_by_the_option_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(OutputError, match=r"--out: can't write .*/file/changes.jsonl: "):
        ChangesWriter(str(tmp_path / "file" / "changes.jsonl"), option="--out")
    with pytest.raises(OutputError, match=r"folder.jsonl: it exists and is no file"):
        ChangesWriter(str(tmp_path / "folder.jsonl"))


@pytest.mark.parametrize("ending", READ)
def test_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, ending: str) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = ChangesWriter(str(tmp_path / f"changes{ending}"))
    changes = pl.concat([frame(CHANGE)] * 2_000)
    if ending != ".jsonl":
        changes = changes.with_columns(change_id=changes.with_row_index()["index"].hash().cast(pl.String))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
    try:
        with pytest.raises(OutputError, match=r"--changes: can't write .*: File too large"):
            _write_and_close(writer, changes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def _write_and_close(writer: ChangesWriter, changes: pl.DataFrame) -> None:
    writer.write(changes)
    writer.close()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.lit("LEFT").alias("action"), "action is none of ENTERED, EXITED, RETRACTED"),
        (pl.lit(2**31, pl.Int64).alias("rules_version"), "rules_version needs more than 32 bits"),
        (pl.lit(-(2**31) - 1, pl.Int64).alias("early_index"), "early_index needs more than 32 bits"),
        (pl.lit("no json").alias("evidence"), "JSON text that does not fit"),
        (pl.lit('["a",1]').alias("memberships"), "JSON text that does not fit"),
        (pl.lit('{"a":1}').alias("flags"), "JSON text that does not fit"),
    ],
)
def test_avro_refuses_values_that_do_not_fit_the_schema(tmp_path: Path, column: pl.Expr, message: str) -> None:
    with pytest.raises(SchemaError, match=message), ChangesWriter(str(tmp_path / "changes.avro")) as writer:
        writer.write(frame(CHANGE).with_columns(column))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (frame(CHANGE).with_columns(x=1), r"unknown columns \['x'\]"),
        (frame(CHANGE).drop("flags"), r"missing columns \['flags'\]"),
        (frame(CHANGE).cast({"sequence": pl.Int32}), "sequence is Int32, expected Int64"),
        (frame(CHANGE).with_columns(segment=pl.lit(None, pl.String)), "segment holds nulls"),
    ],
)
def test_frame_with_other_columns_is_refused(tmp_path: Path, broken: pl.DataFrame, message: str) -> None:
    with ChangesWriter(str(tmp_path / "changes.jsonl")) as writer, pytest.raises(SchemaError, match=message):
        writer.write(broken)


def test_columns_in_another_order_are_put_right(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    with ChangesWriter(str(path)) as writer:
        writer.write(frame(CHANGE).select(reversed(list(CHANGE_COLUMNS))))
    assert _lines(path) == [replace(CHANGE)]
