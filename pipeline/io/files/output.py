"""A local output file that appears whole or not at all: written beside its target, renamed over it at the end."""

import atexit
import gzip
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self, cast

from segmentation.errors import UsageError

if TYPE_CHECKING:
    from schemas.containers import ContainerWriter

#: Endings of a file of records, and with them its format.
RECORD_ENDINGS = (".jsonl", ".jsonl.gz", ".avro")
#: The files beside their targets that this process has neither put in place nor removed.
_unfinished: set[Path] = set()


@atexit.register
def _remove_unfinished() -> None:
    """A signal may come after a file was created and before there is an object that would remove it."""
    for part in tuple(_unfinished):
        with suppress(OSError):
            part.unlink(missing_ok=True)


class OutputError(UsageError):
    """An output can't be written; the message begins with the option that names it."""


def check_ending(path: str, option: str) -> None:
    """Check that the name of a file tells its format.

    Raises:
        OutputError: the ending is none of `RECORD_ENDINGS`.
    """
    if not path.endswith(RECORD_ENDINGS):
        raise OutputError(f"{option}: {path} has no known ending; end it with {', '.join(RECORD_ENDINGS)}")


def check_target(path: str, option: str) -> None:
    """Check, without writing, that a file can be made here or replaced.

    Raises:
        OutputError: something else is there, or its folder can't be written to.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise OutputError(f"{option}: can't write {path}: it exists and is no file")
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{option}: can't write {path}: {folder} is no folder that can be written to")


class OutputFile:
    """An open binary file (gzip by the ending ``.gz``) that becomes ``path`` on `close` and vanishes on `abort`.

    A process that is killed in between leaves ``path`` as it was, and a file ``.<name>.<random>.part`` beside it; one
    that ends by an exception, or a signal that it catches, takes that file away. As a context manager it closes at the
    end of the block, and aborts if the block raises.
    """

    def __init__(self, path: str, option: str) -> None:
        """Create the file, and the folders above it; ``option`` is what errors call it.

        Raises:
            OutputError: the place can't be written to.
        """
        self._path, self._option = path, option
        self._open = True
        with self._reported():
            # Through links, so that a link stays one.
            self._target = Path(path).resolve()
            if self._target.exists() and not self._target.is_file():
                raise OSError("it exists and is no file")
            self._target.parent.mkdir(parents=True, exist_ok=True)
            # Random, so that a bundle that runs twice at once never writes into the other's file.
            self._part = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}.part")
            _unfinished.add(self._part)
            self._raw = self._part.open("xb")
        self._stream: IO[bytes] = self._raw
        if path.endswith(".gz"):
            # Neither name nor time in the header: the same content gives the same bytes.
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=self._raw, mtime=0)
            self._stream = cast(IO[bytes], io.BufferedWriter(packed, 1 << 16))

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """The stream to write into, inside a ``with``.

        Raises:
            OutputError: the disk refuses, or the file is closed.
        """
        if not self._open:
            raise OutputError(f"{self._option}: {self._path} is closed")
        with self._reported():
            yield self._stream

    def close(self) -> None:
        """Put the file in its place, synced to the disk; further calls do nothing.

        Raises:
            OutputError: the disk refuses; what stood in the place before stands there still.
        """
        if not self._open:
            return
        try:
            with self._reported():
                if self._stream is not self._raw:
                    self._stream.close()
                self._raw.flush()
                os.fsync(self._raw.fileno())
                self._raw.close()
                self._part.replace(self._target)
                _unfinished.discard(self._part)
        except OutputError:
            self.abort()
            raise
        self._open = False

    def abort(self) -> None:
        """Remove what was written; does nothing after `close`."""
        if not self._open:
            return
        self._open = False
        # A full disk refuses the last buffer too; the file goes away all the same.
        with suppress(OSError, ValueError):
            self._stream.close()
        with suppress(OSError, ValueError):
            self._raw.close()
        self._part.unlink(missing_ok=True)
        _unfinished.discard(self._part)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror if error.strerror is not None else str(error)
            raise OutputError(f"{self._option}: can't write {self._path}: {reason}") from error


class RecordsFile(OutputFile):
    """An `OutputFile` of records of one schema: JSON lines, or an Avro object container by the ending ``.avro``."""

    def __init__(self, path: str, option: str, schema: str) -> None:
        """Create the file for records of the Avro schema ``schema``.

        Raises:
            OutputError: the ending is none of `RECORD_ENDINGS`, or the place can't be written to.
        """
        check_ending(path, option)
        super().__init__(path, option)
        self.schema = schema
        self._container: ContainerWriter | None = None
        if path.endswith(".avro"):
            with self.writing() as stream:
                self._container = _container(stream, schema)

    def close(self) -> None:
        """As `OutputFile.close`, with what is still buffered."""
        if self._open and self._container is not None:
            try:
                with self._reported():
                    self._container.flush()
            except OutputError:
                self.abort()
                raise
        super().close()


def _container(stream: IO[bytes], schema: str) -> "ContainerWriter":
    # Avro takes a while to import, and commands without an output check names with this module.
    from schemas.containers import ContainerWriter

    return ContainerWriter(stream, schema)
