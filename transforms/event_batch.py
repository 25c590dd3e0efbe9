"""The events of one chunk as columns: the unit of work after decoding."""

import io
from dataclasses import dataclass

import apache_beam as beam
import polars as pl

PROPERTY_PREFIX = "p:"
"""Columns of property values are named by this and the property's name."""


def property_column(name: str) -> str:
    """Name of the column that holds the values of property ``name``."""
    return PROPERTY_PREFIX + name


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Decoded and validated events, in the order of their log.

    Columns of `frame`, a row per event (heartbeats and the other reserved names included):

    - ``event_id`` String, never empty
    - ``user_id`` String, empty for heartbeats only
    - ``name`` String, never empty
    - ``occurred_at`` Int64, µs since the epoch, not negative
    - ``p:<property>`` String, one for each property asked for and for ``granted``; null where the event lacks it.
      Numbers are their shortest JSON text, booleans ``true`` and ``false``.
    """

    frame: pl.DataFrame

    def __len__(self) -> int:
        return self.frame.height

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of the properties that have a column."""
        prefix = len(PROPERTY_PREFIX)
        return tuple(name[prefix:] for name in self.frame.columns if name.startswith(PROPERTY_PREFIX))


class EventBatchCoder(beam.coders.Coder):
    """Arrow IPC stream, LZ4: what crosses between workers."""

    def encode(self, value: EventBatch) -> bytes:
        """The bytes of one batch."""
        buffer = io.BytesIO()
        value.frame.write_ipc_stream(buffer, compression="lz4")
        return buffer.getvalue()

    def decode(self, encoded: bytes) -> EventBatch:
        """The batch of bytes that `encode` wrote."""
        return EventBatch(pl.read_ipc_stream(io.BytesIO(encoded)))

    def estimate_size(self, value: EventBatch) -> int:
        """Bytes of one batch, about: runners ask this of elements that they pass on without encoding them."""
        return int(value.frame.estimated_size())

    def is_deterministic(self) -> bool:
        """Never a key: the bytes may differ between versions of the library."""
        return False


beam.coders.registry.register_coder(EventBatch, EventBatchCoder)
