"""The events of one chunk as columns, and what of it is no event: the unit of work after decoding."""

import io
import struct
from dataclasses import dataclass

import apache_beam as beam
import polars as pl

from schemas.types import DeadLetter
from transforms.refused_records import decode_refused, encode_refused

_LENGTH = struct.Struct("<Q")
PROPERTY_PREFIX = "p:"
"""Columns of property values are named by this and the property's name."""


def property_column(name: str) -> str:
    """Name of the column that holds the values of property ``name``."""
    return PROPERTY_PREFIX + name


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Decoded and validated events, in the order of their log, and ``refused``, a dead letter for each other record.

    Columns of `frame`, a row per event (heartbeats and the other reserved names included):

    - ``event_id`` String, never empty
    - ``user_id`` String, empty for heartbeats only
    - ``name`` String, never empty
    - ``occurred_at`` Int64, µs since the epoch, not negative
    - ``p:<property>`` String, one for each property asked for and for ``granted``; null where the event lacks it.
      Numbers are their shortest JSON text, booleans ``true`` and ``false``.
    """

    frame: pl.DataFrame
    refused: tuple[DeadLetter, ...] = ()

    def __len__(self) -> int:
        return self.frame.height

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of the properties that have a column."""
        prefix = len(PROPERTY_PREFIX)
        return tuple(name[prefix:] for name in self.frame.columns if name.startswith(PROPERTY_PREFIX))


class EventBatchCoder(beam.coders.Coder):
    """What crosses between workers: the length of the dead letters (8 bytes, little-endian), they themselves, and the
    frame as Arrow IPC stream, LZ4."""

    def encode(self, value: EventBatch) -> bytes:
        """The bytes of one batch."""
        refused = encode_refused(value.refused) if value.refused else b""
        buffer = io.BytesIO()
        buffer.write(_LENGTH.pack(len(refused)) + refused)
        value.frame.write_ipc_stream(buffer, compression="lz4")
        return buffer.getvalue()

    def decode(self, encoded: bytes) -> EventBatch:
        """The batch of bytes that `encode` wrote."""
        start = _LENGTH.size + _LENGTH.unpack_from(encoded)[0]
        refused = decode_refused(encoded[_LENGTH.size : start]) or ()
        return EventBatch(pl.read_ipc_stream(io.BytesIO(encoded[start:])), refused)

    def estimate_size(self, value: EventBatch) -> int:
        """Bytes of one batch, about: runners ask this of elements that they pass on without encoding them."""
        return int(value.frame.estimated_size()) + sum(len(letter.payload) for letter in value.refused)

    def is_deterministic(self) -> bool:
        """Never a key: the bytes may differ between versions of the library."""
        return False


beam.coders.registry.register_coder(EventBatch, EventBatchCoder)
