"""A piece of an event log as it lies on disk or in a topic: the unit of work that decoding starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from transforms.decoding.message_places import MessagePlaces

Format = Literal["json", "csv", "avro", "single_object"]
FaultReason = Literal["undecodable", "too_large", "unreadable"]

CHUNK_BYTES = 4 << 20
"""About how many bytes of a log one chunk carries."""

MAX_RECORD_BYTES = 8 << 20
"""A longer line is bad input (reason ``too_large``), whatever it holds."""

MAX_KEPT_BYTES = 16 << 20
"""At most so many bytes of a record that can't be framed are kept for its dead letter."""


@dataclass(frozen=True, slots=True)
class ChunkFault:
    """Why the bytes of a chunk can't be taken apart into records: together they are one bad record."""

    reason: FaultReason  #: one of `DeadLetterReason`
    error_type: str  #: name of the exception's type
    error: str  #: what was found and what was expected


@dataclass(frozen=True, slots=True)
class RawChunk:
    """Whole records of one file or topic, still in their format.

    For ``json`` and ``csv`` the data is whole lines (the last one may lack its line end), for ``avro`` whole blocks of
    an object container, each with its sync marker, for ``single_object`` messages, each with a line end after it.
    """

    source: str  #: path of the file, or address of the topic
    format: Format
    first_record: int  #: number of the first line (``json``, ``csv``) or record (the others), from 1
    data: bytes
    header: bytes = b""  #: ``csv``: the header line without its line end; ``avro``: the header of the container
    fault: ChunkFault | None = None  #: set when the data is one bad record, or each of the messages is one
    repeats: tuple[tuple[int, int], ...] = ()
    """Records whose bytes occurred before in this file: (index in this chunk, from 0; which occurrence it is, from 2).
    Filled only where events get their ids from their content."""
    messages: MessagePlaces | None = None  #: what the data lies in where it comes from a topic; there is at least one

    def places(self, positions: Sequence[int]) -> list[tuple[str, int]]:
        """Source and position, as a dead letter names them, of the records at ``positions``.

        A record of a topic is named by its partition (``source/7``) and the offset of the message that it lies in;
        where messages have names, by the message (``source/NAME``) and its place in there, from 1.
        """
        messages = self.messages
        if messages is None:
            return [(self.source, position) for position in positions]
        indices = [position - self.first_record for position in positions]
        if len(messages) == 1:
            rows = np.zeros(len(indices), np.int64)
        elif self.format == "json":
            rows = messages.rows_of_lines(self.data, indices)
        else:
            rows = np.array(indices, np.int64)
        if messages.names is not None:
            before = messages.lines_before(self.data, rows) if self.format == "json" else rows
            numbers = (np.array(positions, np.int64) - before).tolist()
            return [
                (f"{self.source}/{messages.names[row]}", number)
                for row, number in zip(rows.tolist(), numbers, strict=True)
            ]
        found = zip(messages.partitions[rows].tolist(), messages.offsets[rows].tolist(), strict=True)
        return [(f"{self.source}/{partition}", offset) for partition, offset in found]
