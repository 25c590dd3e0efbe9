"""Where the messages of a chunk lie and what a broker calls them, as columns, so that no code runs per message."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_NEWLINE = 10


@dataclass(frozen=True, slots=True, eq=False)
class MessagePlaces:
    """The messages of one chunk, a row each, in the order of its data.

    >>> places = MessagePlaces.one(length=7, partition=2, offset=41)
    >>> len(places), places.cut(b"a line.", 0)
    (1, b'a line.')
    """

    starts: npt.NDArray[np.int64]  #: index of the first byte in the chunk's data, ascending
    lengths: npt.NDArray[np.int64]  #: bytes, without the line end that follows
    partitions: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    names: tuple[str, ...] | None = None  #: what they are called where partitions and offsets don't name them

    @classmethod
    def one(cls, length: int, partition: int, offset: int) -> "MessagePlaces":
        """A single message that fills a chunk of ``length`` bytes, or has more than that one chunk."""
        return cls(
            np.zeros(1, np.int64),
            np.array([length], np.int64),
            np.array([partition], np.int32),
            np.array([offset], np.int64),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def cut(self, data: bytes, row: int) -> bytes:
        """The bytes of one message."""
        start = int(self.starts[row])
        return data[start : start + int(self.lengths[row])]

    def rows_of_lines(self, data: bytes, lines: Sequence[int]) -> npt.NDArray[np.int64]:
        """The message that each line of ``data``, counted from 0, is a part of."""
        first_bytes = np.concatenate([[0], _line_ends(data) + 1])[np.asarray(lines, np.int64)]
        return np.searchsorted(self.starts, first_bytes, side="right") - 1

    def lines_before(self, data: bytes, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How many lines of ``data`` end before each of these messages begins."""
        return np.searchsorted(_line_ends(data), self.starts[rows])


def _line_ends(data: bytes) -> npt.NDArray[np.int64]:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
