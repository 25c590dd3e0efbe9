"""Journeys: when a user started, which steps are done, and when the last of them was.

Everything goes by event time, whatever the order of arrival: the start is the earliest start event, a step counts
from the start on (the start event itself may be one), ``at_least`` of it are reached with the k-th counted row. The
status and the deadline follow from these times (`segmentation.conditions`), so that a deadline needs no event to
pass.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.config import Journey, Step
from segmentation.features.timeline import (
    I64,
    NO_TIME,
    Bool,
    Changes,
    Column,
    Events,
    Span,
    combined,
    grown,
    latest,
    renumbered,
)

_ROWS = {"user": pl.Int64, "step": pl.Int64, "at": pl.Int64, "value": pl.String, "index": pl.Int64}


class JourneyState:
    """Start and completion per user, and the rows of steps that can still matter.

    A row (user, step, time, value) is kept while a late start may yet make it count, or while it is among the first
    that reach the step; all rows of a journey that nothing late can change any more are dropped.
    """

    def __init__(self, feature: Journey, lateness: int) -> None:
        self.feature = feature
        self._lateness = lateness
        self._rows = pl.DataFrame(schema=_ROWS)
        name = feature.name
        self._started, self._completed, self._done = f"{name}.started_at", f"{name}.completed_at", f"{name}.steps_done"
        self._values: dict[str, Column] = {
            self._started: np.empty(0, np.int64),
            self._completed: np.empty(0, np.int64),
            self._done: np.empty(0, np.int64),
        }

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        fills = {self._started: NO_TIME, self._completed: NO_TIME, self._done: 0}
        self._values = {name: grown(values, users, fills[name]) for name, values in self._values.items()}

    def advance(self, events: Events, span: Span) -> Changes:
        """Count starts and steps. Columns: ``.started_at``, ``.completed_at`` (`NO_TIME`: none) and ``.steps_done``."""
        starts = self._starts(events, span)
        steps = self._step_rows(events, span)
        if not len(starts) and not len(steps):
            return Changes(np.empty(0, np.int64), {name: values[:0] for name, values in self._values.items()})
        touched = pl.concat([starts.select("user"), steps.select("user")]).unique()
        rows = pl.concat(
            [self._rows.with_columns(index=pl.lit(0, pl.Int64)).join(touched, on="user", how="semi"), steps]
        )
        known = touched.join(starts, on="user", how="left").with_columns(
            held=pl.Series(self._values[self._started][touched["user"].to_numpy()])
        )
        # A start that is already known holds from before the span; only an earlier one replaces it.
        replaces = pl.col("started").is_not_null() & (
            (pl.col("held") == NO_TIME) | (pl.col("started") < pl.col("held"))
        )
        begun = known.select(
            "user",
            started=pl.when(replaces).then("started").when(pl.col("held") != NO_TIME).then("held"),
            begun=pl.when(replaces).then("begun").otherwise(0),
        )
        done = self._steps_done(rows, begun)
        changes = self._changes(begun.drop_nulls("started"), done, span)
        self._values = latest(changes, self._values, span)
        self._keep(touched, rows, span)
        return changes

    def current(self) -> dict[str, Column]:
        """Times and number of steps by user."""
        return self._values

    def tables(self) -> dict[str, pl.DataFrame]:
        """``rows`` (user, step, at, value) and ``values`` (a row per user)."""
        return {"rows": self._rows.drop("index"), "values": pl.DataFrame(self._values)}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._rows = tables["rows"].with_columns(index=pl.lit(0, pl.Int64)).select(list(_ROWS))
        self._values = {name: tables["values"][name].to_numpy() for name in self._values}

    def select(self, users: I64) -> "JourneyState":
        """A copy for the given users only."""
        copy = JourneyState(self.feature, self._lateness)
        found, numbers = renumbered(self._rows["user"].to_numpy(), users)
        copy._rows = self._rows.filter(pl.Series(found)).with_columns(user=pl.Series(numbers, dtype=pl.Int64))
        copy._values = {name: values[users] for name, values in self._values.items()}
        return copy

    def _starts(self, events: Events, span: Span) -> pl.DataFrame:
        """The earliest start event of each user among the new ones: (user, started, begun = its tick index)."""
        rows = np.flatnonzero(events.named((self.feature.start,)))
        rows = rows[~self._is_final(events.user[rows], span.settled)]
        table = pl.DataFrame({"user": events.user[rows], "started": events.at[rows], "begun": events.index[rows]})
        return table.unique("user", keep="first", maintain_order=True)

    def _step_rows(self, events: Events, span: Span) -> pl.DataFrame:
        """The new rows of all steps, as far as they can matter."""
        parts = [pl.DataFrame(schema=_ROWS)]
        for number, step in enumerate(self.feature.steps):
            chosen = events.named((step.event,))
            if step.distinct is not None:
                values = events.properties["h:" + step.distinct]
                chosen = chosen & values.is_not_null().to_numpy()
            rows = np.flatnonzero(chosen)
            rows = rows[~self._is_final(events.user[rows], span.settled)]
            columns = {"user": events.user[rows], "at": events.at[rows], "index": events.index[rows]}
            table = pl.DataFrame(columns).with_columns(
                step=pl.lit(number, pl.Int64),
                value=values.gather(rows) if step.distinct is not None else pl.lit("", pl.String),
            )
            parts.append(table.select(list(_ROWS)))
        return pl.concat(parts)

    def _is_final(self, users: I64, settled: int) -> Bool:
        """Whether nothing that may still be accepted can change the user's journey."""
        completed = self._values[self._completed][users]
        final: Bool = (completed != NO_TIME) & (completed < settled - self._lateness)
        return final & (self.feature.mode == "all_of")

    def _steps_done(self, rows: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
        """(user, step, at, index) of the row that completes each step, counted from the user's start."""
        counted = rows.join(begun.drop_nulls("started"), on="user").filter(pl.col("at") >= pl.col("started"))
        counted = counted.with_columns(index=pl.max_horizontal("index", "begun")).sort("user", "step", "at")
        parts = []
        for number, step in enumerate(self.feature.steps):
            reached = _first_of_each(counted.filter(pl.col("step") == number), step)
            nth = pl.int_range(pl.len()).over("user")
            parts.append(reached.filter(nth == step.at_least - 1).select("user", "step", "at", "index"))
        return pl.concat(parts)

    def _changes(self, begun: pl.DataFrame, done: pl.DataFrame, span: Span) -> Changes:
        """The columns at each tick at which something of the journey becomes known."""
        if self.feature.mode == "all_of":
            everything = done.group_by("user").agg(pl.len(), pl.col("at").max(), pl.col("index").max())
            complete = everything.filter(pl.col("len") == len(self.feature.steps))
        else:
            complete = done.sort("at").group_by("user").agg(pl.col("at").first(), pl.col("index").first())
        parts = [
            _known_from(begun, "started", "begun", self._started, span),
            _known_from(complete, "at", "index", self._completed, span),
            _steps_by_tick(done, self._done, span),
        ]
        revised = _with_revised_start(begun, self._values[self._started])
        before = dict(self._values)
        if len(revised):
            # A late, earlier start may undo steps as well: what is known is written anew from that tick on.
            before = {name: values.copy() for name, values in before.items()}
            before[self._completed][revised] = NO_TIME
            before[self._done][revised] = 0
        return combined(parts, before, span)

    def _keep(self, touched: pl.DataFrame, rows: pl.DataFrame, span: Span) -> None:
        held = self._rows.join(touched, on="user", how="anti")
        rows = pl.concat([held, rows.select(list(_ROWS))])
        users = rows["user"].to_numpy()
        started = pl.Series("started", self._values[self._started][users], dtype=pl.Int64)
        final = pl.Series("final", self._is_final(users, span.end), dtype=pl.Boolean)
        rows = rows.with_columns(started, final).filter(~pl.col("final"))
        counts = (pl.col("started") != NO_TIME) & (pl.col("at") >= pl.col("started"))
        early = rows.filter(~counts & (pl.col("at") >= span.end - self._lateness))
        parts = [early]
        for number, step in enumerate(self.feature.steps):
            reached = _first_of_each(rows.filter(counts & (pl.col("step") == number)).sort("user", "at"), step)
            parts.append(reached.filter(pl.int_range(pl.len()).over("user") < step.at_least))
        self._rows = pl.concat(parts).select(list(_ROWS)).with_columns(index=pl.lit(0, pl.Int64))


def _first_of_each(rows: pl.DataFrame, step: Step) -> pl.DataFrame:
    """The rows that count towards ``at_least``: all, or the earliest of each distinct value. ``rows`` are sorted by
    time."""
    if step.distinct is None:
        return rows
    return rows.unique(["user", "value"], keep="first", maintain_order=True)


def _known_from(table: pl.DataFrame, value: str, index: str, column: str, span: Span) -> Changes:
    """A value per user that is known from a tick index on; index 0 (known before the span) is written at the first
    tick."""
    keys = span.keys(table["user"].to_numpy(), np.maximum(table[index].to_numpy(), 1))
    order = np.argsort(keys)
    return Changes(keys[order], {column: table[value].to_numpy()[order]})


def _steps_by_tick(done: pl.DataFrame, column: str, span: Span) -> Changes:
    """How many steps are done, at each tick at which one becomes done."""
    table = (
        done.with_columns(index=pl.max_horizontal("index", pl.lit(1)))
        .group_by("user", "index")
        .agg(pl.len().cast(pl.Int64).alias("steps"))
        .sort("user", "index")
        .with_columns(pl.col("steps").cum_sum().over("user"))
    )
    return Changes(span.keys(table["user"].to_numpy(), table["index"].to_numpy()), {column: table["steps"].to_numpy()})


def _with_revised_start(begun: pl.DataFrame, held: Column) -> I64:
    """The users whose known start is replaced by an earlier one."""
    users, started = begun["user"].to_numpy(), begun["started"].to_numpy()
    revised: I64 = users[(held[users] != NO_TIME) & (started < held[users])]
    return revised
