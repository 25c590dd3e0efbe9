"""Files that hold a shard's cells as they are: how the state of one job gets to another job.

A folder of state has a file for each stage and shard and, written last, ``manifest.json``
(`transforms.state.manifest`). A file is, in this order:

- the line ``SEGMENTS CELLS 1``; the number is the version of this format;
- for each value of a cell: the length of the cell's name (1 byte), the name in ASCII, the length of the value
  (8 bytes, little-endian), the value. A bag has a value for each of its elements, in no order;
- a zero (a name of no length), and the SHA-256 (32 bytes) of everything before it: a file without it was cut off.

Values are the bytes that the stage keeps in that cell (`transforms.state.shard_state`): the format knows nothing of
them, so it outlives their layouts.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, TypeAlias

from segmentation.errors import UsageError

#: (name of a cell, one of its values).
CellValue: TypeAlias = tuple[str, bytes]
FORMAT: Final = 1
_FIRST_LINE: Final = b"SEGMENTS CELLS "
_HASH_BYTES: Final = 32
_READ_BYTES: Final = 16 << 20


class StateFilesError(UsageError):
    """Files of state that can't be used; the message names them."""


def write_cells(file: BinaryIO, cells: Iterable[CellValue]) -> None:
    """Write a file of cells.

    >>> import io
    >>> file = io.BytesIO()
    >>> write_cells(file, [("track_head", b"{}")])
    >>> _ = file.seek(0)
    >>> list(read_cells(file, "a.cells"))
    [('track_head', b'{}')]
    """
    digest = hashlib.sha256()

    def put(data: bytes) -> None:
        digest.update(data)
        file.write(data)

    put(_FIRST_LINE + b"%d\n" % FORMAT)
    for name, value in cells:
        put(bytes([len(name)]) + name.encode("ascii") + len(value).to_bytes(8, "little"))
        put(value)
    file.write(b"\0" + digest.digest())


def read_cells(file: BinaryIO, name: str) -> Iterator[CellValue]:
    """The values in a file, one after the other. Only what came before the iterator ended without an error is whole.

    Args:
        file: at its beginning.
        name: what errors call it.

    Raises:
        StateFilesError: it is no such file, of another version, cut off, or not what was written.
    """
    digest = hashlib.sha256()

    def take(size: int) -> bytes:
        parts = []
        while size:
            # A length that was damaged may be any number: no more is asked for than there is.
            parts.append(file.read(min(size, _READ_BYTES)))
            if not parts[-1]:
                raise StateFilesError(f"{name}: the file is cut off")
            size -= len(parts[-1])
        return b"".join(parts)

    def checked(size: int) -> bytes:
        data = take(size)
        digest.update(data)
        return data

    _check_first_line(checked(len(_FIRST_LINE) + len(b"%d\n" % FORMAT)), name)
    while length := take(1)[0]:
        digest.update(bytes([length]))
        cell = checked(length).decode("ascii", "replace")
        yield cell, checked(int.from_bytes(checked(8), "little"))
    if take(_HASH_BYTES) != digest.digest() or file.read(1):
        raise StateFilesError(f"{name}: the file has changed since it was written")


def _check_first_line(line: bytes, name: str) -> None:
    if not line.startswith(_FIRST_LINE):
        raise StateFilesError(f"{name}: this is no file of state")
    if line != _FIRST_LINE + b"%d\n" % FORMAT:
        found = line.removeprefix(_FIRST_LINE).decode("ascii", "replace").strip()
        raise StateFilesError(f"{name}: written in format {found}; this version reads format {FORMAT}")
