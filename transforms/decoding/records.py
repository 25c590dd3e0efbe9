"""What a decoder hands over: columns that are yet to be validated, and the records that it could not take in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.decoding.reasons import DeadLetterReason


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record that is no event, with its bytes."""

    reason: DeadLetterReason
    error_type: str  #: name of an exception's type
    error: str  #: what was found and what was expected; no value of the record
    position: int  #: line or record in its file, from 1
    payload: bytes


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Records of one chunk, of the right types but not validated. All series have one row per record."""

    event_id: pl.Series  #: String; null where absent
    user_id: pl.Series  #: String; null where absent
    name: pl.Series  #: String; null where absent
    occurred_at: pl.Series  #: Int64 µs; null where absent or no time
    time_errors: dict[int, str]  #: row → what is wrong, where there is a value that is no time
    properties: dict[str, pl.Series]  #: String each; null where absent
    positions: npt.NDArray[np.int64]  #: line or record in the file, from 1
    payload: Callable[[int], bytes]  #: the bytes of a row


def no_columns(properties: Sequence[str]) -> EventColumns:
    """The columns of no records at all."""
    texts, numbers = pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.Int64)
    return EventColumns(
        event_id=texts,
        user_id=texts,
        name=texts,
        occurred_at=numbers,
        time_errors={},
        properties=dict.fromkeys(properties, texts),
        positions=np.empty(0, np.int64),
        payload=lambda _: b"",
    )


@dataclass(frozen=True, slots=True)
class Decoded:
    """The outcome for one chunk: `read` records are the rows of `frame` and the bad ones together."""

    frame: pl.DataFrame  #: columns as `EventBatch` documents them
    bad: Sequence[BadRecord]
    read: int


@dataclass(slots=True)
class BadRecords:
    """Collects bad records while a chunk is taken apart."""

    found: list[BadRecord] = field(default_factory=list)

    def add(self, reason: DeadLetterReason, error: Exception | str, position: int, payload: bytes) -> None:
        """Note one; a text stands for a `ValueError` of ours."""
        kind = "ValueError" if isinstance(error, str) else type(error).__name__
        self.found.append(BadRecord(reason, kind, str(error), position, payload))
