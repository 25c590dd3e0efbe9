"""From events to features: one shard's table of users, advanced over ticks in columnar steps. Knows nothing of Beam."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from segmentation.batches import MOVE_SCHEMA, EventsOfShard, FeaturesOfShard
from segmentation.config import RollingCount, RollingScore, Rules
from segmentation.features import initial_state
from segmentation.features.attributes import TouchState
from segmentation.features.rolling import boundary_column
from segmentation.features.timeline import (
    I64,
    NO_TIME,
    Bool,
    Changes,
    Column,
    Events,
    Span,
    combined,
    merged_keys,
    run_starts,
)
from segmentation.frames import decode_frames, encode_frames, tables_under
from segmentation.intake import Counts, Intake
from segmentation.percentiles import features_with_percentile
from segmentation.units import next_tick


@dataclass(frozen=True)
class Settled:
    """The outcome of one advance."""

    features: FeaturesOfShard
    moves: pl.DataFrame


class Tracker:
    """One shard's users: their events before they count, and the state of every feature.

    Args:
        rules: the rules to follow.
        max_disorder: how far (µs of event time) events may arrive out of order and still be on time.
    """

    def __init__(self, rules: Rules, max_disorder: int) -> None:
        self.rules = rules
        #: The last settled tick, µs; None before the first.
        self.settled: int | None = None
        #: The latest time known to this shard, µs.
        self.clock: int | None = None
        self._heartbeat = NO_TIME
        self._users: list[bytes] = []
        self._rows: dict[bytes, int] = {}
        self._intake = Intake(rules, max_disorder)
        self._features = {
            name: initial_state(feature, rules.tick, self._intake.memory) for name, feature in rules.features.items()
        }
        self._measured = features_with_percentile(rules)

    @property
    def counts(self) -> Counts:
        """What became of the events so far."""
        return self._intake.counts

    def add(self, batch: EventsOfShard) -> None:
        """Take in a batch; its events count from their tick on, or from the next tick if that has settled."""
        if batch.clock is not None:
            self.clock = batch.clock if self.clock is None else max(self.clock, batch.clock)
        if batch.heartbeat is not None:
            self._heartbeat = max(self._heartbeat, batch.heartbeat)
        rows = np.array([self._row(internal) for internal in batch.users], np.int64)
        self._intake.add(batch, rows, self.settled)
        self.counts.users = len(self._users)

    def first_due(self) -> int | None:
        """The earliest tick (µs) that has something to settle; None where nothing is known yet."""
        if self.settled is not None:
            return self.settled + self.rules.tick
        known = (self._intake.first_tick(), self.last_due())
        return min((tick for tick in known if tick is not None), default=None)

    def last_due(self) -> int | None:
        """The last tick (µs) that the clock allows to settle."""
        return None if self.clock is None else next_tick(self.clock, self.rules.tick)

    def advance(self, until: int) -> Settled:
        """Settle all ticks up to ``until`` (µs, a tick), in one columnar step."""
        tick = self.rules.tick
        if self.settled is None:
            first = self.first_due()
            self.settled = until - tick if first is None else min(first, until) - tick
        span = Span(self.settled, tick, (until - self.settled) // tick)
        counted = self._intake.in_columns(self._intake.accept(until), span)
        before: dict[str, Column] = {}
        for state in self._features.values():
            state.grow(len(self._users))
            before |= {name: values.copy() for name, values in state.current().items()}
        parts = [state.advance(counted, span) for state in self._features.values()]
        self.settled = until
        return Settled(self._message(parts, before, counted, span), self._moves(parts, before, span))

    def latest_accepted(self) -> int | None:
        """The latest time (µs) of what this shard has accepted so far, heartbeats included."""
        known = [time for time in (self._intake.latest, self._heartbeat) if time is not None and time != NO_TIME]
        return max(known, default=None)

    def count_rest(self) -> None:
        """Count what will never settle because the run ends before its tick."""
        self._intake.accept(None)

    def preview(self, users: list[bytes]) -> FeaturesOfShard | None:
        """The features of some users as all events that have arrived make them, though their tick has not settled.

        Returns:
            One row per user that has such events, with the time of the latest in the column ``at``; None without any.
        """
        copy = self._select([internal for internal in users if internal in self._rows])
        pending = copy._intake.pending
        if not len(pending):
            return None
        until = next_tick(pending["at"].to_numpy().max().item(), self.rules.tick)
        if self.settled is not None:
            until = max(until, self.settled + self.rules.tick)
        times = pending.group_by("user").agg(pl.col("at").max())
        features = copy.advance(until).features
        own = pl.Series("own", [copy._rows[internal] for internal in features.users], dtype=pl.Int64)
        latest = features.rows.unique("user", keep="last", maintain_order=True)
        latest = latest.with_columns(own.gather(latest["user"])).join(
            times, left_on="own", right_on="user", maintain_order="left"
        )
        return replace(features, rows=latest.drop("own"))

    def snapshot(self) -> bytes:
        """The whole table as bytes."""
        tables = {"users": pl.DataFrame({"internal": pl.Series(self._users, dtype=pl.Binary)})}
        tables |= {f"intake/{name}": table for name, table in self._intake.tables().items()}
        for name, state in self._features.items():
            state.grow(len(self._users))
            tables |= {f"feature/{name}/{part}": table for part, table in state.tables().items()}
        meta = {"settled": self.settled, "clock": self.clock, "features": list(self._features)}
        return encode_frames(meta, tables)

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave.

        Raises:
            FrameError: the bytes are of another layout.
            KeyError: they hold other features than the rules declare.
        """
        meta, tables = decode_frames(data)
        if meta["features"] != list(self._features):
            raise KeyError(f"the state holds the features {meta['features']}, the rules {list(self._features)}")
        self.settled, self.clock = meta["settled"], meta["clock"]
        self._users = tables["users"]["internal"].to_list()
        self._rows = {internal: row for row, internal in enumerate(self._users)}
        self._intake.restore(tables_under(tables, "intake/"))
        for name, state in self._features.items():
            state.restore(tables_under(tables, f"feature/{name}/"))

    def _select(self, users: list[bytes]) -> "Tracker":
        """A copy with some users only."""
        rows = np.array([self._rows[internal] for internal in users], np.int64)
        copy = Tracker(self.rules, 0)
        copy.settled, copy.clock = self.settled, self.clock
        copy._users = list(users)
        copy._rows = {internal: row for row, internal in enumerate(users)}
        copy._intake = self._intake.select(self.rules, rows)
        for state in self._features.values():
            state.grow(len(self._users))
        copy._features = {name: state.select(rows) for name, state in self._features.items()}
        return copy

    def _row(self, internal: bytes) -> int:
        row = self._rows.get(internal)
        if row is None:
            row = self._rows[internal] = len(self._users)
            self._users.append(internal)
        return row

    def _message(self, parts: list[Changes], before: dict[str, Column], counted: Events, span: Span) -> FeaturesOfShard:
        """All columns at every (user, tick) at which one of them changed or an event counted."""
        keys = span.keys(counted.user, counted.index)
        touched = merged_keys([keys])
        rows = combined(parts, before, span, also=touched)
        of_row = rows.keys // span.stride
        starts = run_starts(of_row)
        users = of_row[starts]
        table = pl.DataFrame(
            {
                "user": np.repeat(np.arange(len(users), dtype=np.uint32), np.diff(np.append(starts, len(of_row)))),
                "tick": span.settled + rows.keys % span.stride * span.tick,
                **rows.columns,
                "event": _marked(rows.keys, touched),
                "late": _marked(rows.keys, merged_keys([keys[counted.late]])),
            }
        )
        vocabularies = {
            name: state.vocabulary.texts for name, state in self._features.items() if isinstance(state, TouchState)
        }
        return FeaturesOfShard([self._users[user] for user in users], table, vocabularies, span.settled, span.end)

    def _moves(self, parts: list[Changes], before: dict[str, Column], span: Span) -> pl.DataFrame:
        """How the histograms of the measured features move at their boundaries."""
        moves = [pl.DataFrame(schema=MOVE_SCHEMA)]
        for (name, feature), changes in zip(self.rules.features.items(), parts, strict=True):
            if name in self._measured and isinstance(feature, RollingScore | RollingCount):
                column = name if feature.every == span.tick else boundary_column(name)
                moves.append(_histogram_moves(name, changes, column, before[column], span))
        return pl.concat(moves)


def _marked(keys: I64, some: I64) -> Bool:
    """Which of the sorted ``keys`` are among ``some`` (sorted, each one of them)."""
    result = np.zeros(len(keys), np.bool_)
    result[np.searchsorted(keys, some)] = True
    return result


def _histogram_moves(name: str, changes: Changes, column: str, before: Column, span: Span) -> pl.DataFrame:
    """Columns of `MOVE_SCHEMA`: a user who moves leaves the old score and joins the new one; the score 0 is no
    member."""
    users, new = changes.keys // span.stride, changes.columns[column]
    old = np.empty_like(new)
    old[1:] = new[:-1]
    starts = run_starts(users)
    old[starts] = before[users[starts]]
    moved = old != new
    boundary = (span.settled + changes.keys % span.stride * span.tick)[moved]
    table = pl.DataFrame(
        {
            "boundary": np.concatenate([boundary, boundary]),
            "score": np.concatenate([old[moved], new[moved]]),
            "users": np.repeat(np.array([-1, 1], np.int64), len(boundary)),
        }
    )
    table = table.filter(pl.col("score") > 0).group_by("boundary", "score").agg(pl.col("users").sum())
    return table.filter(pl.col("users") != 0).select(pl.lit(name).alias("feature"), "boundary", "score", "users")
