"""From events to features: one shard's table of users, advanced over ticks in columnar steps. Knows nothing of Beam."""

from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl

from segmentation.acceptance import ID_MEMORY, ID_SCHEMA, duplicates
from segmentation.batches import MOVE_SCHEMA, EventsOfShard, FeaturesOfShard
from segmentation.config import Journey, RollingCount, RollingScore, Rules
from segmentation.features import initial_state
from segmentation.features.attributes import TouchState
from segmentation.features.rolling import boundary_column
from segmentation.features.timeline import (
    I64,
    Bool,
    Changes,
    Column,
    Events,
    Span,
    combined,
    merged_keys,
    renumbered,
    run_starts,
)
from segmentation.frames import decode_frames, encode_frames
from segmentation.percentiles import features_with_percentile
from segmentation.reading import property_plan
from segmentation.units import next_tick

#: Stands for every event name that no feature tells apart.
OTHER_NAME = ""

_KEPT = {
    "user": pl.Int64,
    "id_high": pl.UInt64,
    "id_low": pl.UInt64,
    "at": pl.Int64,
    "counted_at": pl.Int64,
    "name": pl.Int32,
}


@dataclass
class Counts:
    """What became of the events that settled so far, in events."""

    accepted: int = 0
    duplicate: int = 0
    too_late: int = 0
    late: int = 0
    users: int = 0

    def copy(self) -> "Counts":
        """As they are now."""
        return replace(self)


@dataclass(frozen=True)
class Settled:
    """The outcome of one advance."""

    features: FeaturesOfShard
    moves: pl.DataFrame


class Tracker:
    """One shard's users: pending events, remembered ids, and the state of every feature.

    Args:
        rules: the rules to follow.
        max_disorder: how far (µs of event time) events may arrive out of order and still be on time.
    """

    def __init__(self, rules: Rules, max_disorder: int) -> None:
        self.rules = rules
        self.counts = Counts()
        #: The last settled tick, µs; None before the first.
        self.settled: int | None = None
        #: The latest time known to this shard, µs.
        self.clock: int | None = None
        self._memory = ID_MEMORY + max_disorder
        self._users: list[bytes] = []
        self._rows: dict[bytes, int] = {}
        self._names = _names(rules)
        self._pending: list[pl.DataFrame] = []
        self._remembered = pl.DataFrame(schema=ID_SCHEMA)
        self._features = {
            name: initial_state(feature, rules.tick, self._memory) for name, feature in rules.features.items()
        }
        self._measured = features_with_percentile(rules)

    def add(self, batch: EventsOfShard) -> None:
        """Take in a batch; its events count from their tick on, or from the next tick if that has settled."""
        if batch.clock is not None:
            self.clock = batch.clock if self.clock is None else max(self.clock, batch.clock)
        events = batch.events
        if not len(events):
            return
        if self.settled is not None:
            punctual = events["at"] >= self.settled - self._memory
            self.counts.too_late += len(events) - int(punctual.sum())
            events = events.filter(punctual)
        rows = np.array([self._row(internal) for internal in batch.users], np.int64)
        known = {name: code for code, name in enumerate(self._names)}
        codes = np.array([*(known.get(name, known[OTHER_NAME]) for name in batch.names), -1], np.int32)
        tick = self.rules.tick
        counted_at = (events["at"] // tick + 1) * tick
        if self.settled is not None:
            counted_at = counted_at.clip(lower_bound=self.settled + tick)
        self._pending.append(
            events.with_columns(
                user=pl.Series(rows[events["user"].to_numpy()]),
                name=pl.Series(codes[events["name"].to_numpy()]),
                counted_at=counted_at,
            )
        )

    def first_due(self) -> int | None:
        """The earliest tick (µs) that has something to settle; None where nothing is known yet."""
        if self.settled is not None:
            return self.settled + self.rules.tick
        times = [int(table["counted_at"].min()) for table in self._pending if len(table)]  # type: ignore[arg-type]
        if self.clock is not None:
            times.append(next_tick(self.clock, self.rules.tick))
        return min(times, default=None)

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
        events = self._accept(until)
        for state in self._features.values():
            state.grow(len(self._users))
        counted = self._in_columns(events, span)
        before: dict[str, Column] = {}
        for state in self._features.values():
            before |= {name: values.copy() for name, values in state.current().items()}
        parts = [state.advance(counted, span) for state in self._features.values()]
        touched = merged_keys([span.keys(counted.user, counted.index)])
        rows = combined(parts, before, span, also=touched)
        self.settled = until
        return Settled(self._message(rows, counted, touched, span), self._moves(parts, before, span))

    def preview(self, users: list[bytes]) -> FeaturesOfShard | None:
        """The features of some users as all events that have arrived make them, though their tick has not settled.

        Returns:
            One row per user that has such events, with the time of the latest in the column ``at``; None without any.
        """
        known = [self._rows[internal] for internal in users if internal in self._rows]
        rows = np.array(known, np.int64)
        copy = self._select(rows)
        if not copy._pending:
            return None
        pending = copy._pending[0]
        until = next_tick(pending["at"].to_numpy().max().item(), self.rules.tick)
        if self.settled is not None:
            until = max(until, self.settled + self.rules.tick)
        times = pending.group_by("user").agg(pl.col("at").max()).with_columns(pl.col("user").cast(pl.UInt32))
        features = copy.advance(until).features
        numbers = {internal: row for row, internal in enumerate(copy._users)}
        mine = pl.Series("mine", [numbers[internal] for internal in features.users], dtype=pl.UInt32)
        latest = features.rows.unique("user", keep="last", maintain_order=True)
        latest = (
            latest.with_columns(mine.gather(latest["user"])).join(times, left_on="mine", right_on="user").drop("mine")
        )
        return replace(features, rows=latest)

    def _select(self, rows: I64) -> "Tracker":
        """A copy with some users only, numbered as in ``rows``."""
        copy = Tracker(self.rules, self._memory - ID_MEMORY)
        copy.settled, copy.clock = self.settled, self.clock
        copy._users = [self._users[row] for row in rows]
        copy._rows = {internal: row for row, internal in enumerate(copy._users)}
        tables = [_of_users(table, rows) for table in (self._remembered, *self._pending)]
        copy._remembered = tables[0]
        pending = [table for table in tables[1:] if len(table)]
        copy._pending = [pl.concat(pending, how="diagonal_relaxed")] if pending else []
        for state in self._features.values():
            state.grow(len(self._users))
        copy._features = {name: state.select(rows) for name, state in self._features.items()}
        return copy

    def snapshot(self) -> bytes:
        """The whole table as bytes."""
        pending = pl.concat([pl.DataFrame(schema=_KEPT), *self._pending], how="diagonal_relaxed")
        tables = {
            "users": pl.DataFrame({"internal": pl.Series(self._users, dtype=pl.Binary)}),
            "remembered": self._remembered,
            "pending": pending,
        }
        for name, state in self._features.items():
            state.grow(len(self._users))
            tables |= {f"{name}/{table}": frame for table, frame in state.tables().items()}
        meta = {"settled": self.settled, "clock": self.clock, "names": list(self._names), "counts": asdict(self.counts)}
        return encode_frames(meta, tables)

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave.

        Raises:
            FrameError: the bytes are of another layout.
            KeyError: they hold other features than the rules declare.
        """
        meta, tables = decode_frames(data)
        self.settled, self.clock, self.counts = meta["settled"], meta["clock"], Counts(**meta["counts"])
        self._users = tables["users"]["internal"].to_list()
        self._rows = {internal: row for row, internal in enumerate(self._users)}
        self._remembered = tables["remembered"]
        pending = tables["pending"]
        known = {name: code for code, name in enumerate(self._names)}
        codes = np.array([*(known.get(name, known[OTHER_NAME]) for name in meta["names"]), -1], np.int32)
        self._pending = (
            [pending.with_columns(name=pl.Series(codes[pending["name"].to_numpy()]))] if len(pending) else []
        )
        for name, state in self._features.items():
            own = {table: frame for table, frame in tables.items() if table.startswith(name + "/")}
            state.restore({table.removeprefix(name + "/"): frame for table, frame in own.items()})

    def count_rest(self) -> None:
        """Count what will never settle because the run ends before its tick."""
        if self._pending:
            last = max(int(table["counted_at"].max()) for table in self._pending if len(table))  # type: ignore[arg-type]
            self._accept(last)

    def _row(self, internal: bytes) -> int:
        row = self._rows.get(internal)
        if row is None:
            row = self._rows[internal] = len(self._users)
            self._users.append(internal)
        return row

    def _accept(self, until: int) -> pl.DataFrame:
        """The accepted events that count up to ``until``; later ones stay pending."""
        if not self._pending:
            return pl.DataFrame(schema=_KEPT)
        pending = pl.concat(self._pending, how="diagonal_relaxed")
        due = pending["counted_at"] <= until
        self._pending = [] if due.all() else [pending.filter(~due)]
        events = pending.filter(due)
        content = sorted(name for name in events.columns if name == "name" or name[:2] in ("p:", "h:"))
        repeated = pl.Series(duplicates(events, self._remembered, content))
        events = events.filter(~repeated)
        self.counts.duplicate += int(repeated.sum())
        self.counts.accepted += len(events)
        self.counts.users = len(self._users)
        self._remembered = pl.concat([self._remembered, events.select(list(ID_SCHEMA))])
        self._remembered = self._remembered.filter(pl.col("at") >= until - self._memory)
        return events

    def _in_columns(self, events: pl.DataFrame, span: Span) -> Events:
        events = events.sort("user", "at")
        at, counted_at = events["at"].to_numpy(), events["counted_at"].to_numpy()
        late = counted_at > (at // span.tick + 1) * span.tick
        self.counts.late += int(late.sum())
        empty = pl.Series([None] * len(events), dtype=pl.String)
        wanted = _property_columns(self.rules)
        return Events(
            user=events["user"].to_numpy(),
            at=at,
            index=span.index(counted_at),
            name=events["name"].to_numpy(),
            tie=events["tie"].fill_null("")
            if "tie" in events.columns
            else pl.Series([""] * len(events), dtype=pl.String),
            properties={name: events[name] if name in events.columns else empty for name in wanted},
            names=self._names,
            late=late,
        )

    def _message(self, rows: Changes, counted: Events, touched: I64, span: Span) -> FeaturesOfShard:
        of_row = rows.keys // span.stride
        starts = run_starts(of_row)
        users = of_row[starts]
        local = np.repeat(np.arange(len(users)), np.diff(np.append(starts, len(of_row))))
        late = merged_keys([span.keys(counted.user, counted.index)[counted.late]])
        table = pl.DataFrame(
            {
                "user": local.astype(np.uint32),
                "tick": span.settled + rows.keys % span.stride * span.tick,
                **rows.columns,
                "event": _marked(rows.keys, touched),
                "late": _marked(rows.keys, late),
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
            if name not in self._measured or not isinstance(feature, RollingScore | RollingCount):
                continue
            column = name if feature.every == span.tick else boundary_column(name)
            moves.append(_histogram_moves(name, changes, column, before[column], span))
        return pl.concat(moves)


def _of_users(table: pl.DataFrame, rows: I64) -> pl.DataFrame:
    found, numbers = renumbered(table["user"].to_numpy(), rows)
    return table.filter(pl.Series(found)).with_columns(user=pl.Series(numbers, dtype=pl.Int64))


def _names(rules: Rules) -> tuple[str, ...]:
    """The event names that some feature tells apart, and at the end the one that stands for all others."""
    names: set[str] = set()
    for feature in rules.features.values():
        if isinstance(feature, RollingScore):
            names.update(feature.weights)
        elif isinstance(feature, Journey):
            names.update((feature.start, *(step.event for step in feature.steps)))
        else:
            names.update(feature.events)
    return (*sorted(names), OTHER_NAME)


def _property_columns(rules: Rules) -> tuple[str, ...]:
    plan = property_plan(rules)
    return (*("p:" + name for name in plan.plain), *("h:" + name for name in plan.sealed))


def _marked(keys: I64, some: I64) -> Bool:
    """Which of the sorted ``keys`` are among ``some`` (sorted, each one of them)."""
    result = np.zeros(len(keys), np.bool_)
    result[np.searchsorted(keys, some)] = True
    return result


def _histogram_moves(name: str, changes: Changes, column: str, before: Column, span: Span) -> pl.DataFrame:
    """Columns of `MOVE_SCHEMA`: a user who moves leaves the old score and joins the new one; the score 0 is no member."""
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
