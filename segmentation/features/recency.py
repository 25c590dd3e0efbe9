"""The time of a user's latest event."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.features.timeline import (
    NO_TIME,
    Advance,
    Bool,
    Changes,
    Column,
    Events,
    Span,
    grown,
    run_ends,
    write_latest,
)
from segmentation.rules.model import Recency


class RecencyState:
    """The latest time per user, `NO_TIME` before the first event."""

    def __init__(self, feature: Recency) -> None:
        self.feature = feature
        self._last: dict[str, Column] = {feature.name: np.empty(0, np.int64)}

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._last[self.feature.name] = grown(self._last[self.feature.name], users, NO_TIME)

    def advance(self, events: Events, span: Span, _only: Bool | None = None, /) -> Advance:
        """Each user's latest time moves forward. Column: the feature's name, in microseconds."""
        name = self.feature.name
        rows = events.named(self.feature.events)
        rows = rows[events.at[rows] > self._last[name][events.user[rows]]]
        keys = span.keys(events.user[rows], events.index[rows])
        last = run_ends(keys)
        changes = Changes(keys[last], {name: events.at[rows[last]]})
        return Advance(changes, lambda: write_latest(changes, self._last, span))

    def current(self) -> dict[str, Column]:
        """The latest time by user."""
        return self._last

    def tables(self) -> dict[str, pl.DataFrame]:
        """``last``: a row per user."""
        return {"last": pl.DataFrame({"at": self._last[self.feature.name]})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._last = {self.feature.name: tables["last"]["at"].to_numpy().copy()}
