"""The bytes of a log on disk, gunzipped by the way, up to where they can be read."""

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self, cast

from segmentation.errors import UsageError
from transforms.raw_chunk import ChunkFault

Progress = Callable[[int], None]
"""Called with the number of bytes of the file on disk that were read since the last call."""

_BROKEN = (OSError, EOFError, zlib.error)  # gzip.BadGzipFile is an OSError


class InputError(UsageError):
    """An input that can't be read at all; the message names its path."""


class Stream(Protocol):
    """Bytes to be cut into records."""

    #: Why the stream ended before its source did.
    failure: ChunkFault | None

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, fewer only before the end; nothing at the end."""

    def give_back(self, data: bytes) -> None:
        """Let the next `read` begin with ``data``, which was read before."""


class MemoryStream:
    """A `Stream` of bytes at hand."""

    def __init__(self, data: bytes) -> None:
        self.failure: ChunkFault | None = None
        self._bytes = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        """As `Stream.read`."""
        return self._bytes.read(size)

    def give_back(self, data: bytes) -> None:
        """As `Stream.give_back`."""
        self._bytes.seek(-len(data), io.SEEK_CUR)


class LogStream:
    """Reads one file. An error in the middle is the end of the stream, and `failure` says so."""

    def __init__(self, path: str, progress: Progress | None = None) -> None:
        """Open ``path``; names that end in ``.gz`` are gunzipped.

        Raises:
            InputError: it can't be opened.
        """
        #: Why the stream ended before its file did.
        self.failure: ChunkFault | None = None
        self._progress = progress
        self._reported = 0
        self._returned = b""
        try:
            # The stream closes it, as a context manager of its own.
            self._file: IO[bytes] = Path(path).open("rb")  # noqa: SIM115
        except OSError as error:
            raise InputError(f"{path}: can't be read: {error.strerror or error}") from error
        self._content = cast(IO[bytes], gzip.GzipFile(fileobj=self._file)) if path.endswith(".gz") else self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, fewer only before the end; nothing at the end."""
        pieces = [self._returned[:size]]
        self._returned = self._returned[size:]
        missing = size - len(pieces[0])
        try:
            # One piece at a time, so that nothing read before an error is lost with it.
            while missing and self.failure is None and (piece := self._content.read1(missing)):  # type: ignore[attr-defined]  # both kinds of file have it
                pieces.append(piece)
                missing -= len(piece)
        except _BROKEN as error:
            self.failure = ChunkFault(
                "unreadable", type(error).__name__, f"the file can't be read any further: {error}"
            )
        self._report()
        # A join of one copies nothing, and almost always there is one.
        return b"".join([piece for piece in pieces if piece])

    def give_back(self, data: bytes) -> None:
        """Let the next `read` begin with ``data``."""
        self._returned = data + self._returned

    def _report(self) -> None:
        if self._progress is not None:
            position = self._file.tell()
            if position > self._reported:
                self._progress(position - self._reported)
                self._reported = position
