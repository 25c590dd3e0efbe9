"""On how many UTC days a user was active, within a window of whole days or ever."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.config import DistinctDays
from segmentation.features.timeline import (
    I64,
    Changes,
    Column,
    Events,
    Span,
    grown,
    latest,
    renumbered,
    run_starts,
    running_totals,
    sum_by_key,
)
from segmentation.units import DAY


class DistinctDaysState:
    """The active days per user (as far back as they can still matter) and their number.

    At tick T the days that start in ``[ceil(T, day) - window, T)`` count; without a window every day does.
    """

    def __init__(self, feature: DistinctDays, lateness: int) -> None:
        self.feature = feature
        self._lateness = lateness
        self._user = np.empty(0, np.int64)
        self._day = np.empty(0, np.int64)
        self._count = np.empty(0, np.int64)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._count = grown(self._count, users, 0)

    def advance(self, events: Events, span: Span) -> Changes:
        """Add new days and let old ones fall out of the window. Column: the feature's name."""
        user, day, entry = self._new_days(events, span)
        users, days = np.concatenate([self._user, user]), np.concatenate([self._day, day])
        keys, amounts = [span.keys(user, entry)], [np.ones(len(user), np.int64)]
        if self.feature.window is not None:
            gone = span.index(days + self.feature.window + span.tick)
            leaving = (gone >= 1) & (gone <= span.count)
            keys.append(span.keys(users[leaving], gone[leaving]))
            amounts.append(np.full(int(leaving.sum()), -1, np.int64))
            held = gone > span.count
        else:
            held = days + DAY > span.end - self._lateness
        moved, deltas = sum_by_key(np.concatenate(keys), np.concatenate(amounts))
        changes = Changes(moved, {self.feature.name: running_totals(moved, deltas, self._count, span.stride)})
        self._count = latest(changes, self.current(), span)[self.feature.name]
        self._user, self._day = users[held], days[held]
        return changes

    def current(self) -> dict[str, Column]:
        """The number of days by user."""
        return {self.feature.name: self._count}

    def tables(self) -> dict[str, pl.DataFrame]:
        """``days`` (user, start of the day) and ``count`` (a row per user)."""
        return {
            "days": pl.DataFrame({"user": self._user, "day": self._day}),
            "count": pl.DataFrame({"days": self._count}),
        }

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._user, self._day = (tables["days"][name].to_numpy() for name in ("user", "day"))
        self._count = tables["count"]["days"].to_numpy()

    def select(self, users: I64) -> "DistinctDaysState":
        """A copy for the given users only."""
        copy = DistinctDaysState(self.feature, self._lateness)
        rows, copy._user = renumbered(self._user, users)
        copy._day = self._day[rows]
        copy._count = self._count[users]
        return copy

    def _new_days(self, events: Events, span: Span) -> tuple[I64, I64, I64]:
        """(user, start of the day, tick index) of the days that had no event before and are still within the window."""
        rows = np.flatnonzero(events.named(self.feature.events))
        user, day = events.user[rows], events.at[rows] // DAY * DAY
        first = run_starts(user, day)
        user, day, entry = user[first], day[first], events.index[rows][first]
        known = pl.DataFrame({"user": self._user, "day": self._day})
        found = (
            pl.DataFrame({"user": user, "day": day}).with_row_index("row").join(known, on=["user", "day"], how="anti")
        )
        new = found["row"].sort().to_numpy()
        user, day, entry = user[new], day[new], entry[new]
        if self.feature.window is None:
            return user, day, entry
        counts = day + self.feature.window + span.tick > span.settled + entry * span.tick
        return user[counts], day[counts], entry[counts]
