"""The time of a user's latest event."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.config import Recency
from segmentation.features.timeline import I64, NO_TIME, Changes, Column, Events, Span, grown, latest, run_starts


class RecencyState:
    """The latest time per user, `NO_TIME` before the first event."""

    def __init__(self, feature: Recency) -> None:
        self.feature = feature
        self._last = np.empty(0, np.int64)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._last = grown(self._last, users, NO_TIME)

    def advance(self, events: Events, span: Span) -> Changes:
        """Move each user's latest time forward. Column: the feature's name, in microseconds."""
        rows = np.flatnonzero(events.named(self.feature.events))
        rows = rows[events.at[rows] > self._last[events.user[rows]]]
        keys = span.keys(events.user[rows], events.index[rows])
        last = np.append(run_starts(keys)[1:], len(keys)) - 1 if len(keys) else keys
        changes = Changes(keys[last], {self.feature.name: events.at[rows][last]})
        self._last = latest(changes, self.current(), span)[self.feature.name]
        return changes

    def current(self) -> dict[str, Column]:
        """The latest time by user."""
        return {self.feature.name: self._last}

    def tables(self) -> dict[str, pl.DataFrame]:
        """``last``: a row per user."""
        return {"last": pl.DataFrame({"at": self._last})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._last = tables["last"]["at"].to_numpy()

    def select(self, users: I64) -> "RecencyState":
        """A copy for the given users only."""
        copy = RecencyState(self.feature)
        copy._last = self._last[users]
        return copy
