"""The bytes of single records, for dead letters and ids from content: found only when they are asked for."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.decoding.formats.avro_blocks import Block
from transforms.decoding.formats.json_lines import lines_of
from transforms.raw_chunk import RawChunk


class LinePayload:
    """The bytes of a row's line; the chunk is split only when the first one is asked for."""

    def __init__(self, chunk: RawChunk, positions: npt.NDArray[np.int64]) -> None:
        """``positions`` are the line numbers of the rows."""
        self._chunk = chunk
        self._positions = positions
        self._lines: list[bytes] | None = None

    def __call__(self, row: int) -> bytes:
        """The line of ``row`` without its line end."""
        if self._lines is None:
            self._lines = lines_of(self._chunk)
        return self._lines[int(self._positions[row]) - self._chunk.first_record]


class BlockPayload:
    """The bytes of a row's Avro record; a block is taken apart only when one of its records is asked for."""

    def __init__(self, blocks: Sequence[Block], positions: npt.NDArray[np.int64]) -> None:
        """``positions`` are the numbers of the rows' records; ``blocks`` hold them, in their order."""
        self.blocks = blocks
        self.positions = positions
        self._starts = np.array([block.first_record for block in blocks], dtype=np.int64)
        self._slices: dict[int, list[bytes]] = {}

    def __call__(self, row: int) -> bytes:
        """The record of ``row`` as Avro's binary encoding has it."""
        position = int(self.positions[row])
        number = int(np.searchsorted(self._starts, position, side="right")) - 1
        block = self.blocks[number]
        if number not in self._slices:
            self._slices[number] = block.slices()
        return self._slices[number][position - block.first_record]
