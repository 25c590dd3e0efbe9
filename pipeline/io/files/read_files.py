"""ReadFiles: the chunks of local event logs."""

from collections.abc import Iterable, Iterator

import apache_beam as beam

from pipeline.io.files.event_logs import format_of, read_chunks
from pipeline.io.progress import report
from transforms.mapping.model import EventMapping
from transforms.raw_chunk import Format, RawChunk


class ReadFiles(beam.PTransform[beam.pvalue.PBegin, beam.PCollection[RawChunk]]):
    """A pipeline's root -> PCollection of `RawChunk`, file by file.

    Args:
        files: (path, format) of each file.
        number_repeats: whether identical records must be counted, for ids from content.
    """

    def __init__(self, files: list[tuple[str, Format]], *, number_repeats: bool) -> None:
        super().__init__()
        self._files = files
        self._number_repeats = number_repeats

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[RawChunk]:
        """Apply the transform."""
        files = root | "Files" >> beam.Create(self._files, reshuffle=False)
        chunks: beam.PCollection[RawChunk] = files | "ReadChunks" >> beam.ParDo(
            _Read(self._number_repeats)
        ).with_output_types(RawChunk)
        return chunks


class _Read(beam.DoFn):
    def __init__(self, number_repeats: bool) -> None:
        self._number_repeats = number_repeats

    def process(self, file: tuple[str, Format]) -> Iterator[RawChunk]:
        path, form = file
        yield from read_chunks(path, form, number_repeats=self._number_repeats, progress=report)


def formats(files: Iterable[str], mapping: EventMapping | None) -> list[tuple[str, Format]]:
    """Each file with its format: the mapping's, or what its name claims."""
    return [(file, mapping.format if mapping is not None else format_of(file)) for file in files]
