"""From features and populations to segment changes: one shard's memberships, advanced over ticks. Knows nothing of Beam.

Conditions are evaluated in columns over all (user, tick) rows of a span at which something they read may have changed: the
user's features, time (`Crossings`), or the population (`Movers`). Memberships then step from tick to tick over just these
rows, and over the users whom a dwell makes due.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.profile_frame import PROFILE_COLUMNS
from segmentation.batches import FeaturesOfShard
from segmentation.changes import ChangeLog, Context, Decided, empty
from segmentation.conditions import Conditions, feature_frame, raw_columns
from segmentation.config import Journey, RollingCount, RollingScore, Rules
from segmentation.due import Crossings, Movers, read_thresholds
from segmentation.features.attributes import NO_VALUE
from segmentation.features.rolling import boundary_column
from segmentation.features.timeline import (
    I64,
    Bool,
    Changes,
    Column,
    Span,
    grown,
    last_before,
    latest,
    merged_keys,
    run_starts,
)
from segmentation.membership import Memberships
from segmentation.frames import decode_frames, encode_frames
from segmentation.percentiles import F64, Populations
from segmentation.provisional import Provisional
from segmentation.units import floor_to

#: Boundaries handled in one columnar step: bounds memory, not exactness.
_BOUNDARIES_PER_STEP = 512


@dataclass(frozen=True)
class Measured:
    """A rolling feature whose percentile is read: where its boundary's value stands, and how far boundaries are apart."""

    name: str
    column: str
    every: int


class Assigner:
    """One shard's users, their features as of the last settled tick, and their memberships.

    Args:
        rules: the rules to follow.
        publish_key: keys the published pseudonyms.
    """

    def __init__(self, rules: Rules, publish_key: bytes) -> None:
        self.rules = rules
        #: The last settled tick, µs; None before the first.
        self.settled: int | None = None
        self.conditions = Conditions(rules)
        self.users: list[bytes] = []
        self._rows: dict[bytes, int] = {}
        self._fills = raw_columns(rules)
        self._columns: dict[str, Column] = {name: np.array([], _dtype(fill)) for name, fill in self._fills.items()}
        self._vocabularies: dict[str, list[str]] = {}
        self._measured = _measured(rules)
        self._populations = {each.name: Populations(rules.population_minimum) for each in self._measured}
        thresholds = read_thresholds(rules)
        self._movers = {each.name: Movers(thresholds[each.name]) for each in self._measured}
        self._crossings = Crossings(self.conditions)
        self._memberships = Memberships(self.conditions)
        self._results = np.zeros((0, self.conditions.width), np.bool_)
        self._looked_at = np.zeros(0, np.bool_)
        self._provisional = Provisional()
        self.log = ChangeLog(rules, self.conditions, publish_key)

    @property
    def members(self) -> dict[str, int]:
        """The number of members of each segment, settled."""
        totals = self._memberships.member.sum(axis=0)
        return {name: int(totals[position]) for name, position in self.conditions.positions.items()}

    def cut_scores(self) -> dict[str, int]:
        """The least score that reaches each percentile a rule asks for, as of the last settled tick: ``f>=80`` -> score."""
        result = {}
        for name, literals in read_thresholds(self.rules).items():
            population = self._populations[name].latest
            for literal in sorted(literals or ()):
                reached = np.flatnonzero(population.percentiles >= literal)
                if len(reached):
                    result[f"{name}>={literal:g}"] = int(population.scores[reached[0]])
        return result

    def profiles(self) -> pl.DataFrame:
        """Profiles of the users looked at since the last call, as of the last settled tick (`schemas.profile_frame`)."""
        rows = np.flatnonzero(self._looked_at)
        self._looked_at[:] = False
        if self.settled is None or not len(rows):
            return pl.DataFrame(schema=PROFILE_COLUMNS)
        span = Span(self.settled, self.rules.tick, 0)
        holds = Changes(np.arange(len(self.users)), self._columns)
        wanted = frozenset({*self.conditions.columns, *_all_columns(self.rules)}) - {"tick"}
        frame = self._frame(holds, rows, span, wanted).drop("tick")
        return pl.DataFrame(
            {
                "subject_id": self.log.subjects(self.users, rows),
                "as_of": np.full(len(rows), self.settled, np.int64),
                "sequence": grown(self.log.sequence, len(self.users), 0)[rows],
                "rules_version": np.full(len(rows), self.rules.version, np.int64),
                "memberships": self.log.membership_texts(self._memberships.member[rows]),
                "features": frame.select(pl.struct(pl.all()).struct.json_encode()).to_series(),
            },
            schema=PROFILE_COLUMNS,
        )

    def advance(self, features: FeaturesOfShard, moves: pl.DataFrame) -> pl.DataFrame:
        """Settle the ticks of ``features`` with the population's ``moves`` in them (and any since the last advance).

        Returns:
            The changes, columns of `schemas.change_frame.CHANGE_COLUMNS` without ``emitted_at`` and ``trace_context``, sorted by subject and sequence.
        """
        for name, populations in self._populations.items():
            populations.add(moves.filter(pl.col("feature") == name))
        rows = self._taken_in(features)
        parts = []
        settled = features.settled
        reach = _BOUNDARIES_PER_STEP * min([each.every for each in self._measured], default=self.rules.tick)
        tick = self.rules.tick
        while settled < features.until:
            until = min(settled + max(reach, tick), features.until)
            within = rows.filter((pl.col("tick") > settled) & (pl.col("tick") <= until))
            parts.append(self._settle(within, Span(settled, tick, (until - settled) // tick)))
            settled = until
        self.settled = features.until
        return pl.concat(parts) if parts else empty()

    def preview(self, features: FeaturesOfShard) -> pl.DataFrame:
        """The early changes that a preview of features makes at once (columns as in `advance`). Settled state stays.

        ``features`` has one row per user and the column ``at``, µs. Percentiles are those of the live score among the
        others in the population of the last boundary.
        """
        rows = self._taken_in(features)
        users, at = rows["user"].to_numpy(), rows["at"].to_numpy()
        columns = {name: rows[name].to_numpy() for name in self._columns}
        percentiles = {
            each.name: self._populations[each.name].latest.early(columns[each.name], self._columns[each.column][users])
            for each in self._measured
        }
        frame = feature_frame(self.rules, columns, at, percentiles, self._vocabularies, self.conditions.columns)
        step = self._memberships.decide(users, self.conditions.evaluate(frame), at)
        tick = self.rules.tick
        sequence = grown(self.log.sequence, len(self.users), 0)[users]
        due = np.maximum((at // tick + 1) * tick, 0 if self.settled is None else self.settled + tick)
        early = self._provisional.claim(users, at, due, step.before, step.after, sequence)
        if not early:
            return empty()
        position = {user: row for row, user in enumerate(users.tolist())}
        evidence = self.log.evidence.texts(
            np.array([position[row.user] for row in early], np.int64),
            np.array([row.segment for row in early], np.int64),
            np.array([bool(row.memberships[row.segment]) for row in early]),
            np.array([row.memberships for row in early]),
            lambda keys, _: frame[keys],
        )
        return self.log.early(early, self.users, evidence)

    def _retractions(self, decided: list[Decided], before: Bool, span: Span) -> pl.DataFrame:
        """The claims of ticks in ``span`` that these did not confirm; ``before`` are the memberships before the span."""
        rows = []
        for (user, segment), claim in self._provisional.due(span.end).items():
            index = (claim.due - span.settled) // span.tick
            member = before[user].copy()
            for each in decided:
                if each.index <= index and user in each.users:
                    member = each.after[np.flatnonzero(each.users == user)[0]]
            if bool(member[segment]) != claim.member:
                sequence = int(grown(self.log.sequence, len(self.users), 0)[user])
                rows.append(self._provisional.retract(user, segment, claim.due, sequence, member))
        return self.log.early(rows, self.users, None)

    def snapshot(self) -> bytes:
        """The whole table as bytes."""
        names = list(self.rules.segments)
        member = {f"member:{name}": self._memberships.member[:, position] for position, name in enumerate(names)}
        since = {f"since:{name}": self._memberships.since[:, position] for position, name in enumerate(names)}
        tables = {
            "users": pl.DataFrame({"internal": pl.Series(self.users, dtype=pl.Binary)}),
            "columns": pl.DataFrame(self._columns),
            "memberships": pl.DataFrame({**member, **since}),
            "sequence": pl.DataFrame({"sequence": grown(self.log.sequence, len(self.users), 0)}),
            **{f"early/{name}": table for name, table in self._provisional.tables().items()},
        }
        for name, texts in self._vocabularies.items():
            tables[f"vocabulary/{name}"] = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        for name, populations in self._populations.items():
            population = populations.latest
            tables[f"population/{name}"] = pl.DataFrame({"score": population.scores, "users": population.members})
        return encode_frames({"settled": self.settled}, tables)

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave; what conditions say, and where scores stand, follows from it.

        Raises:
            FrameError: the bytes are of another layout.
            KeyError: they hold other features or segments than the rules declare.
        """
        meta, tables = decode_frames(data)
        self.settled = meta["settled"]
        self.users = tables["users"]["internal"].to_list()
        self._rows = {internal: row for row, internal in enumerate(self.users)}
        self._columns = {name: tables["columns"][name].to_numpy().copy() for name in self._columns}
        names = list(self.rules.segments)
        held = tables["memberships"]
        self._memberships.member = np.column_stack([held[f"member:{name}"].to_numpy() for name in names])
        self._memberships.since = np.column_stack([held[f"since:{name}"].to_numpy() for name in names])
        self.log.sequence = tables["sequence"]["sequence"].to_numpy().copy()
        self._provisional.restore(tables["early/claims"], tables["early/indices"])
        self._looked_at = np.zeros(len(self.users), np.bool_)
        for name, table in tables.items():
            kind, _, feature = name.partition("/")
            if kind == "vocabulary":
                self._vocabularies[feature] = table["text"].to_list()
        self._results = np.zeros((len(self.users), self.conditions.width), np.bool_)
        if self.settled is not None:
            self._restore_positions(tables, self.settled)

    def _restore_positions(self, tables: dict[str, pl.DataFrame], settled: int) -> None:
        for each in self._measured:
            table = tables[f"population/{each.name}"]
            boundary = floor_to(settled, each.every)
            populations = Populations(self.rules.population_minimum)
            populations.add(table.with_columns(boundary=pl.lit(boundary, pl.Int64)))
            populations.forget_before(boundary)
            self._populations[each.name] = populations
            self._movers[each.name].at(populations.latest, self._columns[each.column])
        everyone = np.arange(len(self.users))
        holds = Changes(everyone, self._columns)
        span = Span(settled, self.rules.tick, 0)
        self._results = self.conditions.evaluate(self._frame(holds, everyone, span, self.conditions.columns))

    def _taken_in(self, features: FeaturesOfShard) -> pl.DataFrame:
        """The rows with this table's user numbers and codes."""
        rows = features.rows
        numbers = np.array([self._row(internal) for internal in features.users], np.int64)
        recoded = [pl.Series("user", numbers[rows["user"].to_numpy()])]
        for name, texts in features.vocabularies.items():
            held = self._vocabularies.setdefault(name, [])
            known = {text: code for code, text in enumerate(held)}
            for text in texts:
                if text not in known:
                    known[text] = len(held)
                    held.append(text)
            codes = np.array([*(known[text] for text in texts), NO_VALUE], np.int64)
            recoded.append(pl.Series(name, codes[rows[name].to_numpy()]))
        count = len(self.users)
        self._columns = {name: grown(values, count, self._fills[name]) for name, values in self._columns.items()}
        self._memberships.grow(count)
        self._looked_at = grown(self._looked_at, count, False)
        if len(self._results) < count:
            missing = np.zeros((count - len(self._results), self.conditions.width), np.bool_)
            self._results = np.concatenate([self._results, missing])
        return rows.with_columns(recoded)

    def _row(self, internal: bytes) -> int:
        row = self._rows.get(internal)
        if row is None:
            row = self._rows[internal] = len(self.users)
            self.users.append(internal)
        return row

    def _settle(self, rows: pl.DataFrame, span: Span) -> pl.DataFrame:
        timeline = self._timeline(rows, span)
        moved = self._population_due(timeline, span)
        changed = timeline.keys[timeline.keys % span.stride > 0]
        keys = merged_keys([changed, *self._crossings.due(timeline, span), *moved])
        users, index = keys // span.stride, keys % span.stride
        order = np.argsort(index, kind="stable")
        keys, users, index = keys[order], users[order], index[order]
        frame = self._frame(timeline, keys, span, self.conditions.columns)
        results = self.conditions.evaluate(frame)
        before = self._memberships.member.copy() if self._provisional.open else self._memberships.member
        decided = self._step_through(users, index, results, span)
        retracted = self._retractions(decided, before, span)
        context = Context(
            timeline,
            span,
            lambda keys, wanted: self._frame(timeline, keys, span, wanted),
            lambda keys, feature: self._others_moved(timeline, keys, span, feature),
        )
        changes = self.log.changes(decided, self.users, context)
        self._columns = latest(timeline, self._columns, span)
        for each in self._measured:
            self._populations[each.name].forget_before(floor_to(span.end, each.every))
        return pl.concat([retracted, changes]) if len(retracted) else changes

    def _timeline(self, rows: pl.DataFrame, span: Span) -> Changes:
        """What holds from when on: at index 0 what held before, then the new rows; sorted by key."""
        new = span.keys(rows["user"].to_numpy(), span.index(rows["tick"].to_numpy()))
        keys = np.concatenate([np.arange(len(self.users)) * span.stride, new])
        order = np.argsort(keys, kind="stable")
        columns = {
            name: np.concatenate([values, rows[name].to_numpy()])[order] for name, values in self._columns.items()
        }
        for flag in ("event", "late"):
            columns[flag] = np.concatenate([np.zeros(len(self.users), np.bool_), rows[flag].to_numpy()])[order]
        return Changes(keys[order], columns)

    def _population_due(self, timeline: Changes, span: Span) -> list[I64]:
        """Keys of the users whose percentile crossed a literal, by boundary."""
        found = []
        index = timeline.keys % span.stride
        order = np.argsort(index, kind="stable")
        order = order[np.searchsorted(index[order], 1) :]
        users, indices = timeline.keys[order] // span.stride, index[order]
        for each in self._measured:
            populations, movers = self._populations[each.name], self._movers[each.name]
            scores = self._columns[each.column].copy()
            values = timeline.columns[each.column][order]
            start = 0
            for boundary in populations.boundaries:
                if not span.settled < boundary <= span.end:
                    continue
                at = (boundary - span.settled) // span.tick
                end = int(np.searchsorted(indices, at, side="right"))
                scores[users[start:end]] = values[start:end]
                start = end
                found.append(span.keys(movers.at(populations.at(boundary), scores), np.int64(at)))
        return found

    def _frame(self, timeline: Changes, keys: I64, span: Span, wanted: frozenset[str]) -> pl.DataFrame:
        """The table that expressions read, a row per key."""
        source = last_before(timeline.keys, keys, span.stride)
        ticks = span.settled + keys % span.stride * span.tick
        columns = {
            name: timeline.columns[name][source]
            for name in self._columns
            if name in wanted or name.rpartition(".")[0] + "." in _prefixes(wanted)
        }
        percentiles = {
            each.name: self._percentiles(each, timeline.columns[each.column][source], ticks)
            for each in self._measured
            if f"percentile({each.name})" in wanted
        }
        return feature_frame(self.rules, columns, ticks, percentiles, self._vocabularies, wanted)

    def _percentiles(self, measured: Measured, scores: I64, ticks: I64) -> F64:
        """The percentile of each score at the boundary of its tick."""
        result = np.empty(len(scores))
        order = np.argsort(ticks, kind="stable")
        boundaries = (ticks // measured.every * measured.every)[order]
        edges = np.append(run_starts(boundaries), len(boundaries))
        populations = self._populations[measured.name]
        for start, end in zip(edges[:-1], edges[1:], strict=True):
            rows = order[start:end]
            result[rows] = populations.at(int(boundaries[start])).of(scores[rows])
        return result

    def _others_moved(self, timeline: Changes, keys: I64, span: Span, feature: str) -> Bool:
        """Whether the percentile changed since the tick before although the user's own score did not."""
        measured = next(each for each in self._measured if each.name == feature)
        ticks = span.settled + keys % span.stride * span.tick
        scores = timeline.columns[measured.column]
        now = scores[last_before(timeline.keys, keys, span.stride)]
        earlier = last_before(timeline.keys, keys - 1, span.stride)
        then = scores[earlier]
        before, after = self._percentiles(measured, then, ticks - span.tick), self._percentiles(measured, now, ticks)
        return (now == then) & (before != after) & ~(np.isnan(before) & np.isnan(after))

    def _step_through(self, users: I64, index: I64, results: Bool, span: Span) -> list[Decided]:
        """Memberships from tick to tick; ``users``, ``index`` and ``results`` are sorted by tick index."""
        waiting: dict[int, list[I64]] = defaultdict(list)
        self._wake(waiting, span)
        edges = np.append(run_starts(index), len(index))
        blocks = {int(index[start]): (start, end) for start, end in zip(edges[:-1], edges[1:], strict=True)}
        decided = []
        ticks = sorted({*blocks, *waiting})
        position = 0
        while position < len(ticks):
            at = ticks[position]
            position += 1
            looked_at = np.empty(0, np.int64)
            if at in blocks:
                start, end = blocks[at]
                looked_at = users[start:end]
                self._results[looked_at] = results[start:end]
            if at in waiting:
                looked_at = np.unique(np.concatenate([looked_at, *waiting.pop(at)]))
            tick = span.settled + at * span.tick
            self._looked_at[looked_at] = True
            step = self._memberships.decide(looked_at, self._results[looked_at], tick)
            self._memberships.apply(looked_at, step, tick)
            changed = (step.before != step.after).any(axis=1)
            if changed.any():
                decided.append(Decided(at, looked_at[changed], step.before[changed], step.after[changed]))
            again = np.flatnonzero(step.again)
            for due in np.unique(step.again[again]):
                later = (int(due) - span.settled) // span.tick
                if later <= span.count:
                    if later not in waiting and later not in blocks:
                        _insert(ticks, later, position)
                    waiting[later].append(looked_at[step.again == due])
        return decided

    def _wake(self, waiting: dict[int, list[I64]], span: Span) -> None:
        """Users whom the last settled tick left waiting for a later one: found from the state itself."""
        everyone = np.arange(len(self.users))
        if not len(everyone):
            return
        again = self._memberships.waiting(self._results, span.settled)
        rows = np.flatnonzero(again)
        for due in np.unique(again[rows]):
            later = (int(due) - span.settled) // span.tick
            if later <= span.count:
                waiting[later].append(everyone[again == due])


def _insert(ticks: list[int], tick: int, start: int) -> None:
    position = int(np.searchsorted(ticks[start:], tick)) + start
    ticks.insert(position, tick)


def _all_columns(rules: Rules) -> list[str]:
    """Every column of every feature."""
    names = []
    for name, feature in rules.features.items():
        journey = ("status", "started_at", "completed_at", "time_to_complete", "steps_done")
        names += [f"{name}.{part}" for part in journey] if isinstance(feature, Journey) else [name]
    return names + [f"percentile({name})" for name in read_thresholds(rules)]


def _prefixes(wanted: frozenset[str]) -> frozenset[str]:
    return frozenset(name.rpartition(".")[0] + "." for name in wanted if "." in name)


def _dtype(fill: int | float) -> type[np.generic]:
    return np.float64 if isinstance(fill, float) else np.int64


def _measured(rules: Rules) -> list[Measured]:
    names = read_thresholds(rules)
    result = []
    for name, feature in rules.features.items():
        if name in names and isinstance(feature, RollingScore | RollingCount):
            column = name if feature.every == rules.tick else boundary_column(name)
            result.append(Measured(name, column, feature.every))
    return result
