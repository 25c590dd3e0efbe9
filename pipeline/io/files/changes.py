"""Segment changes into a local file: JSON lines (``.jsonl``, ``.jsonl.gz``) or an Avro object container (``.avro``)."""

import io

import polars as pl

from pipeline.io.files.output import RecordsFile
from segmentation.outputs.change_frame import check_changes
from segmentation.outputs.change_rows import change_records, json_lines

#: Rows that are text at the same time: some 4 MB, measured fastest between 2,000 and 50,000 rows.
_SLICE = 8_000


class ChangesWriter(RecordsFile):
    """Writes frames of changes as they come; the file appears under its name on `close`, whole."""

    def __init__(self, path: str, option: str = "--changes") -> None:
        """Open a file beside ``path``; ``option`` is what errors call it.

        Raises:
            OutputError: the ending is not known, or the place can't be written to.
        """
        super().__init__(path, option, "segment_change")

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
