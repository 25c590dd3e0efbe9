"""A stretch of consecutive lines of a log, ready to be written in any format."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.traffic.columns import Codes, Events
from pipeline.traffic.delivery import Kind
from pipeline.traffic.lines import Ids


@dataclass(frozen=True)
class Piece:
    """Consecutive lines of a log."""

    #: The events that the lines carry.
    events: Events
    #: Their 16-byte event ids, shape (lines, 16).
    ids: Ids
    #: The id of every user of the log by number.
    users: pl.Series
    #: `delivery.Kind` of each line.
    kind: Codes
    #: Drift of each line, see `faults.draw_drift`.
    drift: Codes
    #: Random bits that decide how a malformed line is damaged.
    salt: npt.NDArray[np.uint32]

    @classmethod
    def plain(cls, events: Events, ids: Ids, users: pl.Series) -> "Piece":
        """First deliveries only, with nothing wrong or new in them."""
        nothing = np.zeros(len(events), np.int8)
        return cls(events, ids, users, nothing, nothing, np.zeros(len(events), np.uint32))

    def __len__(self) -> int:
        return len(self.events)

    def malformed(self) -> npt.NDArray[np.bool_]:
        """Which lines are malformed."""
        found: npt.NDArray[np.bool_] = self.kind == Kind.MALFORMED
        return found
