"""A piece of an event log as it lies on disk: the unit of work that decoding starts from."""

from dataclasses import dataclass
from typing import Literal

Format = Literal["json", "csv", "avro"]
FaultReason = Literal["undecodable", "too_large", "unreadable"]

CHUNK_BYTES = 4 << 20
"""About how many bytes of a log one chunk carries."""

MAX_RECORD_BYTES = 8 << 20
"""A longer line is bad input (reason ``too_large``), whatever it holds."""

MAX_KEPT_BYTES = 16 << 20
"""At most so many bytes of a record that can't be framed are kept for its dead letter."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the bytes of a chunk can't be taken apart into records: together they are one bad record."""

    reason: FaultReason  #: one of `DeadLetterReason`
    error_type: str  #: name of the exception's type
    error: str  #: what was found and what was expected


@dataclass(frozen=True, slots=True)
class RawChunk:
    """Whole records of one file, still in its format.

    For ``json`` and ``csv`` the data is whole lines (the last one may lack its line end), for ``avro`` whole blocks of
    an object container, each with its sync marker.
    """

    source: str  #: path of the file
    format: Format
    first_record: int  #: number of the first line (``json``, ``csv``) or record (``avro``), from 1
    data: bytes
    header: bytes = b""  #: ``csv``: the header line without its line end; ``avro``: the header of the container
    fault: Fault | None = None  #: set when the data is one bad record
    repeats: tuple[tuple[int, int], ...] = ()
    """Records whose bytes occurred before in this file: (index in this chunk, from 0; the how-manieth it is, from 2).
    Filled only where events get their ids from their content."""
