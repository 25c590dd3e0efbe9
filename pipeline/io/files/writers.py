"""A run's records into local files: JSON lines (``.jsonl``, ``.jsonl.gz``) or an Avro object container (``.avro``).

Each writes as records come; the file appears under its name on `close`, whole.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from pipeline.io.files.output import RecordsFile
from pipeline.io.in_process import Write, changes_of
from pipeline.io.outputs import Output
from schemas.json_codec import encode_json
from schemas.records import to_record
from segmentation.columns.frames import decode_frames
from segmentation.outputs.audit_frame import audit_records
from segmentation.outputs.change_frame import check_changes
from segmentation.outputs.change_rows import change_records, json_lines

#: Rows that are text at the same time: some 4 MB, measured fastest between 2,000 and 50,000 rows.
_SLICE = 8_000


class ChangesWriter(RecordsFile):
    """Segment changes, a frame at a time."""

    def __init__(self, path: str, option: str = "--changes") -> None:
        """Open a file beside ``path``; ``option`` is what errors call it.

        Raises:
            OutputError: the ending is not known, or the place can't be written to.
        """
        super().__init__(path, option, Output.CHANGES.schema)

    def write(self, changes: pl.DataFrame) -> None:
        """Append the changes of a frame (`segmentation.outputs.change_frame`), in its order.

        Raises:
            SchemaError: the frame has other columns or, in Avro, a row does not fit the schema.
            OutputError: the disk refuses, or the file is closed.
        """
        changes = check_changes(changes)
        with self.writing() as stream:
            if self._container is not None:
                for record in change_records(changes):
                    self._container.write_checked(record)
                return
            for part in changes.iter_slices(_SLICE):
                text = io.BytesIO()
                # As a CSV of one bare column, lines become bytes without passing through Python.
                json_lines(part).to_frame().write_csv(text, include_header=False, quote_style="never")
                stream.write(text.getbuffer())


class RecordsWriter(RecordsFile):
    """Plain records of a schema, one after the other; in JSON, bytes are base64."""

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append some records.

        Raises:
            SchemaError: one does not fit the schema.
            OutputError: the disk refuses, or the file is closed.
        """
        with self.writing() as stream:
            for record in records:
                if self._container is not None:
                    self._container.write(record)
                else:
                    stream.write(encode_json(self.schema, record) + b"\n")


@contextmanager
def open_writer(path: str, option: str, output: Output, now: int) -> Iterator[Write]:
    """Opens the file of an output and gives the function that writes one element of the graph.

    Raises:
        OutputError: the ending is not known, or the place can't be written to.
    """
    if output is Output.CHANGES:
        with ChangesWriter(path, option) as changes:
            yield lambda frames: changes.write(changes_of(frames, now))
        return
    with RecordsWriter(path, option, output.schema) as records:
        if output is Output.AUDIT:
            yield lambda frames: records.write(audit_records(decode_frames(frames)[1]["audit"], now))
        else:
            yield lambda letter: records.write([to_record(letter)])
