"""Files of this machine as a place to read or write."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.io.files.output import check_ending, check_target
from pipeline.io.outputs import Output
from pipeline.io.place import Place, Reading

if TYPE_CHECKING:
    import apache_beam as beam

    from transforms.mapping.model import EventMapping
    from transforms.raw_chunk import RawChunk


@dataclass(frozen=True)
class FilePlace(Place):
    """A file; what is read may also be a glob or a folder."""

    name: str  #: as it was given
    option: str = "--events"

    scheme = "files"
    system = "Files"
    live = False
    is_local = True

    @property
    def url(self) -> str:
        """Its name."""
        return self.name

    @property
    def file(self) -> Path:
        return Path(self.name).resolve()

    def dead_letters(self) -> "FilePlace":
        """A file beside it, of JSON lines."""
        stem = self.name.removesuffix(".gz")
        for ending in (".jsonl", ".avro"):
            stem = stem.removesuffix(ending)
        return FilePlace(stem + ".dead-letters.jsonl", "--dead-letters")

    def check_readable(self, mapping: "EventMapping | None", mapping_path: str | None) -> list[str]:
        from pipeline.io.files.csv_header import check_header
        from pipeline.io.files.event_logs import find_files

        files = find_files(self.name)
        for file in files:
            check_header(file, mapping, mapping_path)
        return files

    def source(self, reading: Reading) -> "beam.PTransform[beam.pvalue.PBegin, beam.PCollection[RawChunk]]":
        from pipeline.io.files.read_files import ReadFiles, formats

        numbered = reading.mapping is not None and reading.mapping.numbers_repeats
        return ReadFiles(formats(reading.files, reading.mapping), number_repeats=numbered)

    def check_writable(self) -> None:
        check_ending(self.name, self.option)
        check_target(self.name, self.option)

    @contextmanager
    def opened(self, now: int, *outputs: Output) -> Iterator[None]:
        """The file appears under its name when the block has ended, whole."""
        from pipeline.io.files.writers import open_writer
        from pipeline.io.in_process import kept_open

        (output,) = outputs
        with open_writer(self.name, self.option, output, now) as write, kept_open(self, {output: write}):
            yield

    def step(self, output: Output) -> str:
        return f"Write{output.title}"

    def sink(self, output: Output) -> "beam.PTransform[beam.PCollection[Any], beam.PCollection[None]]":
        """Writes to what is `opened`."""
        from pipeline.io.in_process import write_here

        return write_here(self, output)
