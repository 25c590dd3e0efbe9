"""A folder of files with state: on a disk that all workers see, or in a bucket."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from transforms.state.containers import CellValue, StateFilesError, read_cells, write_cells

#: The stages that keep state, as the names of their cells begin, and what was on its way from one to the other.
TRACK: Final = "track"
ASSIGN: Final = "assign"
POPULATION: Final = "population"
_SUFFIX: Final = ".cells"


def file_of(stage: str, shard: int) -> str:
    """The name of the file that holds a shard's cells.

    >>> file_of("track", 7)
    'track-00007.cells'
    """
    return f"{stage}-{shard:05d}{_SUFFIX}"


def population_file(message: bytes) -> str:
    """The name of the file for a population that was still to come: the same where a worker writes it again.

    >>> population_file(b"moves")
    'population-8aca04ab6ee7c402.cells'
    """
    return f"{POPULATION}-{hashlib.sha256(message).hexdigest()[:16]}{_SUFFIX}"


@dataclass(frozen=True)
class StateFolder:
    """Files by name. ``place`` is a path or a URL that Beam's file systems know, such as ``gs://BUCKET/FOLDER``.

    >>> import tempfile
    >>> folder = StateFolder(tempfile.mkdtemp())
    >>> folder.write_cells("track-00000.cells", [("track_head", b"{}")])
    >>> folder.names(), list(folder.cells("track-00000.cells"))
    (['track-00000.cells'], [('track_head', b'{}')])
    """

    place: str

    def names(self) -> list[str]:
        """The files that are there, sorted; none where there is no such folder."""
        try:
            (found,) = FileSystems.match([FileSystems.join(self.place, "*")])
        except BeamIOError as error:
            raise self._error(error) from error
        return sorted(each.path.replace("\\", "/").rpartition("/")[2] for each in found.metadata_list)

    def make(self) -> None:
        """Make the folder, if it is not there.

        Raises:
            StateFilesError: it can't be made.
        """
        try:
            if not FileSystems.exists(self.place):
                FileSystems.mkdirs(self.place)
        except (BeamIOError, OSError, ValueError) as error:
            raise self._error(error) from error

    def write_cells(self, name: str, cells: Iterable[CellValue]) -> None:
        """Write a file of cells, in the place of one that has this name."""
        with self._opened(FileSystems.create, name) as file:
            write_cells(file, cells)

    def cells(self, name: str) -> Iterator[CellValue]:
        """What a file of cells holds; see `read_cells`.

        Raises:
            StateFilesError: it is not there, or damaged.
        """
        with self._opened(FileSystems.open, name) as file:
            yield from read_cells(file, self.path(name))

    def write_text(self, name: str, text: str) -> None:
        """Write a file of text."""
        with self._opened(FileSystems.create, name) as file:
            file.write(text.encode())

    def text(self, name: str) -> str:
        """What a file of text holds.

        Raises:
            StateFilesError: it is not there, or no text.
        """
        with self._opened(FileSystems.open, name) as file:
            try:
                text: str = file.read().decode()
            except UnicodeDecodeError as error:
                raise StateFilesError(f"{self.path(name)}: the file is damaged") from error
            return text

    def path(self, name: str) -> str:
        """Where a file is."""
        return str(FileSystems.join(self.place, name))

    def _opened(self, how: Any, name: str) -> Any:
        try:
            return how(self.path(name))
        except (BeamIOError, OSError, ValueError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> StateFilesError:
        return StateFilesError(f"{self.place}: {error}")
