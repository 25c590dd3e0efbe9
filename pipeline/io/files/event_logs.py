"""Event logs on disk: finding the files, and cutting them into chunks of whole records."""

import dataclasses
import glob
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from pipeline.io.files.log_stream import InputError, LogStream, MemoryStream, Progress, Stream
from segmentation.documents.suggestions import did_you_mean
from transforms.decoding.content_ids import RepeatCounter
from transforms.decoding.formats.avro_blocks import read_blocks
from transforms.decoding.formats.avro_container import (
    DamagedError,
    RawBlock,
    Tape,
    parse_header,
    take_block,
    take_header,
)
from transforms.decoding.formats.json_lines import lines_of
from transforms.raw_chunk import (
    CHUNK_BYTES,
    MAX_KEPT_BYTES,
    MAX_RECORD_BYTES,
    ChunkFault,
    FaultReason,
    Format,
    RawChunk,
)

__all__ = ["InputError", "Progress", "chunks_of", "find_files", "format_of", "read_chunks"]

_BOM = b"\xef\xbb\xbf"
_MAX_CHUNK_RECORDS = 50_000
"""Compressed blocks are small: so many records of Avro make a chunk, whatever their bytes."""


def find_files(pattern: str) -> list[str]:
    """The files that a path, a glob (``**`` too) or a directory stands for, sorted.

    A directory stands for every file in it and below; names that start with a dot or an underscore are left out.

    Raises:
        InputError: nothing is there, or something that is can't be read.
    """
    path = Path(pattern)
    if path.is_dir():
        found = [str(file) for file in path.rglob("*") if file.is_file() and _is_visible(file.relative_to(path))]
        hint = "the directory holds no files"
    elif path.exists():
        found, hint = [pattern], ""
    elif glob.has_magic(pattern):
        # Path.glob takes no absolute patterns.
        found = [file for file in glob.glob(pattern, recursive=True) if Path(file).is_file()]  # noqa: PTH207
        hint = "no file matches"
    else:
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{pattern}: no such file or directory{did_you_mean(path.name, beside)}")
    if not found:
        raise InputError(f"{pattern}: {hint}")
    for file in found:
        _require_readable(file)
    return sorted(found)


def _is_visible(path: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in path.parts)


def _require_readable(file: str) -> None:
    if not Path(file).is_file() and not Path(file).is_fifo():
        raise InputError(f"{file}: can't be read: neither a file nor a directory")
    if Path(file).is_file():
        with LogStream(file):
            pass


def format_of(path: str) -> Format:
    """The format that a file's name claims: ``.avro``, ``.csv`` or ``.tsv``, else JSON lines; ``.gz`` may follow."""
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    return "avro" if suffix == ".avro" else "csv" if suffix in (".csv", ".tsv") else "json"


def read_chunks(
    path: str,
    form: Format,
    *,
    number_repeats: bool = False,
    progress: Progress | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[RawChunk]:
    """One file as chunks of whole records, in order. An empty file has none, but an Avro file of no bytes is damaged.

    What can't be framed (a line that is too long, the rest of a damaged container or of a file that can't be read any
    further) is a chunk of its own with a `ChunkFault`. ``number_repeats`` fills `RawChunk.repeats`, which mappings
    without an event id need. ``chunk_bytes`` is at most `MAX_RECORD_BYTES`.

    Raises:
        InputError: the file can't be opened.
    """
    if not 0 < chunk_bytes <= MAX_RECORD_BYTES:
        raise ValueError(f"chunk_bytes is {chunk_bytes}, not between 1 and {MAX_RECORD_BYTES}")
    counter = RepeatCounter() if number_repeats else None
    with LogStream(path, progress) as stream:
        for chunk in _chunks(path, form, stream, chunk_bytes):
            yield chunk if counter is None or chunk.fault else _number_repeats(chunk, counter)


def chunks_of(data: bytes, source: str, form: Format) -> Iterator[RawChunk]:
    """Bytes at hand as `read_chunks` gives those of a file; they are no gzip."""
    return _chunks(source, form, MemoryStream(data), CHUNK_BYTES)


def _chunks(source: str, form: Format, stream: Stream, chunk_bytes: int) -> Iterator[RawChunk]:
    reader = _ContainerReader(source, stream) if form == "avro" else _LineReader(source, form, stream)
    return reader.chunks(chunk_bytes)


def _number_repeats(chunk: RawChunk, counter: RepeatCounter) -> RawChunk:
    offsets: list[int] = []
    records: list[bytes] = []
    if chunk.format == "avro":
        for block in read_blocks(chunk):
            if block.error is None:
                records += block.slices()
                start = block.first_record - chunk.first_record
                offsets += range(start, start + block.count)
    else:
        for offset, line in enumerate(lines_of(chunk)):
            if line and not line.isspace():
                records.append(line)
                offsets.append(offset)
    repeats = tuple((offsets[index], occurrence) for index, occurrence in counter.number(records))
    return dataclasses.replace(chunk, repeats=repeats)


class _LineReader:
    """Cuts text at line ends."""

    def __init__(self, path: str, form: Format, stream: Stream) -> None:
        self._path = path
        self._format = form
        self._stream = stream
        self._line = 1
        self._header = b""

    def chunks(self, size: int) -> Iterator[RawChunk]:
        start = self._stream.read(len(_BOM))
        if start != _BOM:
            self._stream.give_back(start)
        rest = b""
        has_header = self._format != "csv"
        while piece := self._stream.read(size):
            data = rest + piece
            end = data.find(b"\n")
            if end < 0 and len(data) <= MAX_RECORD_BYTES:
                rest = data
                continue
            if end < 0 or end > MAX_RECORD_BYTES:
                chunk, rest = self._oversized(data, size)
                yield chunk
                has_header = True
                continue
            if not has_header:
                self._take_header(data[:end])
                has_header, data = True, data[end + 1 :]
            cut = data.rfind(b"\n") + 1
            rest = data[cut:]
            if cut:
                yield self._chunk(data[:cut])
        if not has_header and self._stream.failure is None:
            self._take_header(rest)
            rest = b""
        yield from self._last(rest)

    def _take_header(self, line: bytes) -> None:
        self._header = line.removesuffix(b"\r")
        self._line += 1

    def _chunk(self, data: bytes) -> RawChunk:
        chunk = RawChunk(self._path, self._format, self._line, data, self._header)
        self._line += data.count(b"\n")
        return chunk

    def _last(self, rest: bytes) -> Iterator[RawChunk]:
        """What follows the last line end: a line without one, or what was read of a line before an error."""
        if self._stream.failure is not None:
            yield RawChunk(self._path, self._format, self._line, rest, self._header, self._stream.failure)
        elif rest:
            yield self._chunk(rest)

    def _oversized(self, data: bytes, size: int) -> tuple[RawChunk, bytes]:
        """The line that ``data`` begins with, passed by without holding it, and the bytes that were read beyond it."""
        kept, digest, length, rest = b"", sha256(), 0, b""
        while data:
            line, end, rest = data.partition(b"\n")
            kept += line[: MAX_KEPT_BYTES - len(kept)]
            digest.update(line)
            length += len(line)
            data = b"" if end else self._stream.read(size)
        error = f"a line of {length} bytes; at most {MAX_RECORD_BYTES} are taken in"
        if length > len(kept):
            error += (
                f"; the payload is its first {len(kept)} bytes, the SHA-256 of the whole line is {digest.hexdigest()}"
            )
        fault = ChunkFault("too_large", "ValueError", error)
        chunk = RawChunk(self._path, self._format, self._line, kept, self._header, fault)
        self._line += 1
        return chunk, rest


class _ContainerReader:
    """Cuts an Avro object container between its blocks."""

    def __init__(self, path: str, stream: Stream) -> None:
        self._path = path
        self._stream = stream
        self._record = 1
        self._header = b""

    def chunks(self, size: int) -> Iterator[RawChunk]:
        tape = Tape(self._stream.read)
        blocks: list[RawBlock] = []
        records = length = 0
        end: RawChunk | None = None
        try:
            self._header = take_header(tape)
            sync = parse_header(self._header).sync
            while start := self._stream.read(1):
                self._stream.give_back(start)
                block = take_block(tape, sync)
                blocks.append(block)
                records, length = records + block.records, length + len(block.raw)
                if length >= size or records >= _MAX_CHUNK_RECORDS:
                    yield self._chunk(blocks)
                    blocks, records, length = [], 0, 0
        except DamagedError as damage:
            end = self._rest(damage.taken, damage.reason, damage)
        except ValueError as error:
            end = self._rest(self._header, "undecodable", error)
        if blocks:
            yield self._chunk(blocks)
        if self._stream.failure is not None and end is None:
            end = self._rest(b"", "unreadable", ValueError())
        if end is not None:
            yield dataclasses.replace(end, first_record=self._record)

    def _chunk(self, blocks: list[RawBlock]) -> RawChunk:
        data = b"".join([block.raw for block in blocks])
        chunk = RawChunk(self._path, "avro", self._record, data, self._header)
        self._record += sum(block.records for block in blocks)
        return chunk

    def _rest(self, taken: bytes, reason: FaultReason, error: ValueError) -> RawChunk:
        """All that follows, as one bad record."""
        data = taken[:MAX_KEPT_BYTES]
        if self._stream.failure is None:
            data += self._stream.read(MAX_KEPT_BYTES - len(data))
        fault = self._stream.failure or ChunkFault(reason, type(error).__name__, str(error))
        return RawChunk(self._path, "avro", self._record, data, self._header, fault)
