"""Dead letters into a local file: JSON lines with the payload in base64, or an Avro object container (``.avro``)."""

from collections.abc import Iterable

from pipeline.io.files.output import RecordsFile
from schemas.json_codec import encode_json
from schemas.records import to_record
from schemas.types import DeadLetter


class DeadLettersWriter(RecordsFile):
    """Writes dead letters as they come; the file appears under its name on `close`, whole."""

    def __init__(self, path: str, option: str = "--dead-letters") -> None:
        """Open a file beside ``path``; ``option`` is what errors call it.

        Raises:
            OutputError: the ending is not known, or the place can't be written to.
        """
        super().__init__(path, option, "dead_letter")

    def write(self, letters: Iterable[DeadLetter]) -> None:
        """Append some dead letters.

        Raises:
            SchemaError: one does not fit the schema.
            OutputError: the disk refuses, or the file is closed.
        """
        with self.writing() as stream:
            for letter in letters:
                record = to_record(letter)
                if self._container is not None:
                    self._container.write(record)
                else:
                    stream.write(encode_json("dead_letter", record) + b"\n")
