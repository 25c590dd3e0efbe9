"""Audit records into a local file: JSON lines, or an Avro object container (``.avro``)."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.io.files.output import RecordsFile
from schemas.json_codec import encode_json


class AuditWriter(RecordsFile):
    """Writes audit records as they come; the file appears under its name on `close`, whole."""

    def __init__(self, path: str, option: str = "--audit") -> None:
        """Open a file beside ``path``; ``option`` is what errors call it.

        Raises:
            OutputError: the ending is not known, or the place can't be written to.
        """
        super().__init__(path, option, "audit_record")

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append some plain records.

        Raises:
            SchemaError: one does not fit the schema.
            OutputError: the disk refuses, or the file is closed.
        """
        with self.writing() as stream:
            for record in records:
                if self._container is not None:
                    self._container.write(record)
                else:
                    stream.write(encode_json("audit_record", record) + b"\n")
