"""The file of audit records, and the frame that they come in."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from pipeline.io.files.output import OutputError
from pipeline.io.files.place import FilePlace
from pipeline.io.in_process import _WriteHere
from pipeline.io.outputs import Output
from schemas.containers import read_container
from schemas.errors import SchemaError
from schemas.json_codec import decode_json
from schemas.records import from_record
from schemas.registry import load_schema
from schemas.types import AuditRecord
from segmentation.columns.frames import encode_frames
from segmentation.outputs.audit_frame import AUDIT_COLUMNS, audit_records
from tests.pipeline.io.audit import RECORDS, START, audit_frame


def _lines(path: Path) -> list[AuditRecord]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [from_record(AuditRecord, decode_json("audit_record", line)) for line in data.splitlines()]


def _records(path: Path) -> list[AuditRecord]:
    with path.open("rb") as source:
        blocks = read_container(source, "audit_record")
        return [from_record(AuditRecord, record) for block in blocks for record in block]


READ = {".jsonl": _lines, ".jsonl.gz": _lines, ".avro": _records}


@pytest.mark.parametrize("ending", READ)
def test_frames_of_a_run_become_its_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"audit{ending}"
    place = FilePlace(str(path), "--audit")
    with place.opened(START + 5, Output.AUDIT):
        step = _WriteHere(place, Output.AUDIT)
        for row in range(len(RECORDS)):
            step.process(encode_frames({}, {"audit": audit_frame()[row : row + 1]}))
        assert not path.exists()
    assert READ[ending](path) == RECORDS


def test_failed_run_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), FilePlace(str(tmp_path / "audit.jsonl")).opened(0, Output.AUDIT):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_unknown_ending_names_the_option(tmp_path: Path) -> None:
    place = FilePlace(str(tmp_path / "audit.txt"), "--audit")
    with pytest.raises(OutputError, match=r"^--audit: "):
        place.check_writable()
    with pytest.raises(OutputError, match=r"^--audit: "), place.opened(0, Output.AUDIT):
        pass


def test_columns_are_the_fields_of_the_schema_but_the_time_of_sending() -> None:
    assert [*AUDIT_COLUMNS, "emitted_at"] == [field["name"] for field in load_schema("audit_record")["fields"]]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (audit_frame().drop("counted_at"), r"missing columns \['counted_at'\]"),
        (audit_frame().with_columns(user_id=pl.lit("u")), r"unknown columns \['user_id'\]"),
        (audit_frame().with_columns(subject_id=pl.lit(None, pl.String)), "subject_id holds nulls"),
    ],
)
def test_frame_that_is_none_of_audit_records_is_refused(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        list(audit_records(frame, 0))
