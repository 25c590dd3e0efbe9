"""From features and populations to segment changes: one shard's memberships, advanced over ticks, without Beam.

Conditions are evaluated in columns, over all (user, tick) rows of a span at which something that they read may have
changed: the user's features, time (`Crossings`), or the population (`Measures`). Memberships then go from tick to tick
over these rows only, and over the users whose dwell ends (`Stepper`).
"""

from collections.abc import Callable
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Column
from segmentation.columns.frames import decode_frames, encode_frames, tables_under
from segmentation.expressions import Table
from segmentation.features.timeline import Span, Timeline, merged_keys, places_of
from segmentation.membership.changes import ChangeLog, ShardView, joined
from segmentation.membership.conditions import Conditions, feature_table
from segmentation.membership.due import Crossings
from segmentation.membership.forgotten import Forgotten
from segmentation.membership.memberships import Memberships
from segmentation.membership.provisional import Provisional, claims_of, unconfirmed
from segmentation.membership.stepping import Stepper
from segmentation.membership.user_table import UserTable
from segmentation.messages import AGAIN, IDLE, FeaturesOfShard
from segmentation.outputs.profile_frame import PROFILE_COLUMNS
from segmentation.population.measures import Measures
from segmentation.population.moves import MovesByFeature
from segmentation.rules.model import Rules

#: Boundaries handled in one columnar step: bounds memory, not exactness.
_BOUNDARIES_PER_STEP = 512
#: Rows (users × ticks) evaluated in one columnar step where a condition changes with every tick.
_ROWS_PER_STEP = 4_000_000


class Assigner:
    """One shard's users, their features as of the last settled tick, and their memberships.

    Args:
        rules: the rules to follow.
        publish_key: keys the published pseudonyms.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> rows = {"user": np.array([0]), "tick": np.array([60_000_000]), "clicks": np.array([2])}
    >>> rows |= {"event": np.array([True]), "late": np.array([False])}
    >>> features = FeaturesOfShard([bytes(32)], rows, {}, settled=0, until=60_000_000)
    >>> Assigner(rules, publish_key=bytes(32)).advance(features, {}).select("segment", "action", "cause").rows()
    [('busy', 'ENTERED', 'event')]
    """

    def __init__(self, rules: Rules, publish_key: bytes) -> None:
        self.rules = rules
        #: The last settled tick, µs; None before the first.
        self.settled: int | None = None
        self.conditions = Conditions(rules)
        self._users = UserTable(rules)
        self._measures = Measures(rules)
        self._crossings = Crossings(self.conditions)
        self._memberships = Memberships(self.conditions)
        self._stepper = Stepper(self._memberships, self.conditions.width)
        self._log = ChangeLog(rules, self.conditions, publish_key)
        self._provisional = Provisional()
        #: Users whose rows are removed.
        self.forgotten = Forgotten()

    @property
    def members(self) -> dict[str, int]:
        """The number of members of each segment, settled."""
        totals = self._memberships.member.sum(axis=0)
        return {name: int(totals[position]) for name, position in self.conditions.positions.items()}

    def cut_scores(self) -> dict[str, int]:
        """The least score that reaches each percentile a rule asks for, as of the last settled tick: ``f>=80`` ->
        score."""
        return self._measures.cut_scores()

    def advance(self, features: FeaturesOfShard, moves: MovesByFeature) -> pl.DataFrame:
        """Settle the ticks of ``features`` with the population's ``moves`` in them.

        Returns:
            The changes, as `segmentation.outputs.change_frame` without ``emitted_at`` and ``trace_context``, each
            user's in the order of their sequence.
        """
        self._measures.add(moves)
        rows = self._taken_in(features)
        parts = []
        settled, tick = features.settled, self.rules.tick
        steps = self._steps(features)
        for until in steps:
            within = rows
            if len(steps) > 1:
                chosen = (rows["tick"] > settled) & (rows["tick"] <= until)
                within = {name: column[chosen] for name, column in rows.items()}
            parts += self._settle(within, Span(settled, tick, (until - settled) // tick))
            settled = until
        self.settled = features.until
        return joined(parts)

    def preview(self, features: FeaturesOfShard) -> pl.DataFrame:
        """The early changes that a preview of features gives (columns as in `advance`). Settled state does not change.

        ``features`` has one row per user and the column ``at``, µs. Percentiles are those of the live score among the
        others in the population of the last boundary.
        """
        rows = self._taken_in(features)
        users, at = rows["user"], rows["at"]
        forgotten = rows[IDLE] > 0 if self._users.forgets else np.zeros(len(users), np.bool_)
        columns = {name: rows[name] for name in self._users.columns}
        percentiles = self._measures.early_percentiles(columns, self._users.columns, users)
        wanted = self.conditions.columns
        frame = feature_table(self.rules, columns, at, percentiles, self._users.vocabularies, wanted)
        results = self.conditions.evaluate(frame, len(users))
        results[forgotten] = False
        step = self._memberships.decide(users, results, at, forgotten | rows.get(AGAIN, forgotten))
        tick = self.rules.tick
        due = np.maximum((at // tick + 1) * tick, 0 if self.settled is None else self.settled + tick)
        sequence = self._log.sequences(len(self._users))[users]
        early = self._provisional.claim(users, at, due, step, sequence)
        return self._log.early(early, self._users.internals, claims_of(early, users, frame))

    def profiles(self) -> pl.DataFrame:
        """Profiles of the users looked at since the last call, as of the last settled tick
        (`segmentation.outputs.profile_frame`)."""
        rows = np.flatnonzero(self._stepper.looked_at)
        self._stepper.looked_at[:] = False
        if self.settled is None or not len(rows):
            return pl.DataFrame(schema=PROFILE_COLUMNS)
        span = Span(self.settled, self.rules.tick, 0)
        wanted = {name for name in self.conditions.columns if name.startswith("percentile(")}
        wanted.update(name for feature in self.rules.features.values() for name in feature.columns())
        frame = self._frame(self._users.now(), rows, span, frozenset(wanted))
        columns = {name: values.series(len(rows)) for name, values in frame.items() if name != "tick"}
        return pl.DataFrame(
            {
                "subject_id": self._log.subjects(self._users.internals, rows),
                "as_of": np.full(len(rows), self.settled, np.int64),
                "sequence": self._log.sequences(len(self._users))[rows],
                "rules_version": np.full(len(rows), self.rules.version, np.int64),
                "memberships": self._log.membership_texts(self._memberships.member[rows]),
                "features": pl.DataFrame(columns).select(pl.struct(pl.all()).struct.json_encode()).to_series(),
            },
            schema=PROFILE_COLUMNS,
        )

    def compact(self, at_least: int | None = None) -> None:
        """Remove the rows of users who are forgotten, where there are so many (None: a quarter of all rows), and keep
        the number of their last change. Called between advances, when `profiles` were taken."""
        gone = self._users.forgotten
        gone[self._provisional.waiting()] = False
        rows = np.flatnonzero(gone)
        if not len(rows) or len(rows) < (len(gone) // 4 if at_least is None else at_least):
            return
        sequence = self._log.sequences(len(gone))[rows]
        index = self._provisional.indices(rows, sequence)
        told = np.flatnonzero((sequence > 0) | (index > 0))
        users = [self._users.internals[row] for row in rows[told].tolist()]
        self.forgotten.put(users, sequence[told], index[told])
        self.keep(np.flatnonzero(~gone))

    @property
    def users(self) -> list[bytes]:
        """The internal ids of the shard's users, a row each."""
        return self._users.internals

    @property
    def population(self) -> dict[str, pl.DataFrame]:
        """What the shard knows of the scores of all users, by feature."""
        return self._measures.tables()

    def keep(self, rows: I64) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``; all that is kept of the others is gone.

        Called between advances. The population counts them until the tracker's moves say otherwise. Users whose rows
        were removed before are apart (`forgotten`).
        """
        self._log.sequences(len(self._users))
        self._provisional.keep(places_of(rows, len(self._users)))
        self._users.keep(rows)
        for part in (self._stepper, self._measures, self._log):
            part.keep(rows)

    def join(self, other: Self) -> None:
        """Take in the users of another shard, settled at the same tick with the same populations, behind the own ones.

        ``other`` must not be used any more.
        """
        users = len(self._users)
        for each in (self, other):
            each._log.sequences(len(each._users))
            each._stepper.grow(len(each._users))
        self._stepper.join(other._stepper)
        self._measures.join(other._measures, users)
        self._provisional.join(other._provisional, users)
        self._log.join(other._log)
        self._users.join(other._users)
        self.forgotten.join(other.forgotten)

    def snapshot(self) -> bytes:
        """The whole table as bytes, not compressed."""
        self.compact(at_least=1)
        parts = {
            "": self._users.tables(),
            "memberships/": self._memberships.tables(),
            "population/": self._measures.tables(),
            "early/": self._provisional.tables(),
            "log/": {"sequence": pl.DataFrame({"sequence": self._log.sequences(len(self._users))})},
        }
        if self._users.forgets:
            parts["forgotten/"] = {"users": self.forgotten.table()}
        tables = {prefix + name: table for prefix, part in parts.items() for name, table in part.items()}
        meta = {"settled": self.settled, "segments": list(self.rules.segments)}
        return encode_frames(meta, tables, compress=False)

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave; the results of conditions and the places of scores are computed from it.

        Raises:
            FrameError: the bytes are of another layout.
            KeyError: they hold other features or segments than the rules declare.
        """
        meta, tables = decode_frames(data)
        if meta["segments"] != list(self.rules.segments):
            raise KeyError(f"the state holds the segments {meta['segments']}, the rules {list(self.rules.segments)}")
        self._users.restore(tables)
        self._memberships.restore(tables_under(tables, "memberships/"))
        self._provisional.restore(tables_under(tables, "early/"))
        self._log.sequence = tables["log/sequence"]["sequence"].to_numpy().copy()
        if "forgotten/users" in tables:
            self.forgotten.restore(tables["forgotten/users"])
        self._stepper.grow(len(self._users))
        self.settled = settled = meta["settled"]
        if settled is not None:
            self._measures.restore(tables_under(tables, "population/"), settled, self._users.columns)
            everyone = np.arange(len(self._users))
            span = Span(settled, self.rules.tick, 0)
            frame = self._frame(self._users.now(), everyone, span, self.conditions.columns)
            results = self.conditions.evaluate(frame, len(everyone))
            # No condition holds for users before their first tick, nor after they were forgotten.
            results[~self._users.settled | self._users.forgotten] = False
            self._stepper.results = results

    def _taken_in(self, features: FeaturesOfShard) -> dict[str, Column]:
        known = len(self._users)
        rows = self._users.taken_in(features)
        self._log.meet(self._users.internals, known)
        self._stepper.grow(len(self._users))
        if len(self.forgotten) and len(self._users) > known:
            self._recall(known)
        return rows

    def _recall(self, known: int) -> None:
        """Go on with the numbers of changes of those new users (from row ``known`` on) who were there before."""
        sequence, index = self.forgotten.of(self._users.internals[known:])
        self._log.sequences(len(self._users))[known:] = sequence
        for row in np.flatnonzero(index).tolist():
            self._provisional.go_on(known + row, int(sequence[row]), int(index[row]))

    def _steps(self, features: FeaturesOfShard) -> list[int]:
        """The last tick (µs) of each columnar step, so that a step has few boundaries, and few rows where an age makes
        every tick due."""
        ends = {*self._measures.moved_boundaries()[_BOUNDARIES_PER_STEP::_BOUNDARIES_PER_STEP], features.until}
        if self._crossings.at_every_tick:
            reach = max(_ROWS_PER_STEP // max(len(self._users), 1), 1) * self.rules.tick
            ends.update(range(features.settled + reach, features.until, reach))
        return sorted(end for end in ends if features.settled < end <= features.until)

    def _settle(self, rows: dict[str, Column], span: Span) -> list[pl.DataFrame]:
        """The retractions and the changes of one span."""
        timeline = self._users.timeline(rows, span)
        moved = self._measures.due(timeline, span)
        keys = merged_keys([timeline.changes.keys, *self._crossings.due(timeline, span), *moved])
        keys = keys[np.argsort(keys % span.stride, kind="stable")]
        frame = self._frame(timeline, keys, span, self.conditions.columns)
        results = self.conditions.evaluate(frame, len(keys))
        idle = self._idle(timeline)
        forgotten = None if idle is None else idle(keys) > 0
        if forgotten is not None:
            results[forgotten] = False
        before = self._memberships.member.copy() if self._provisional.open else self._memberships.member
        decided = self._stepper.walk(keys // span.stride, keys % span.stride, results, span, forgotten)
        retracted = unconfirmed(self._provisional, decided, before, span, self._log.sequences(len(self._users)))
        view = ShardView(
            timeline,
            span,
            lambda keys, wanted: self._frame(timeline, keys, span, wanted),
            lambda keys, feature: self._measures.others_moved(timeline, keys, span, feature),
            idle,
        )
        parts = [
            self._log.early(retracted, self._users.internals, None),
            self._log.changes(decided, self._users.internals, view),
        ]
        self._users.move_to_end(timeline, span)
        self._measures.forget_before(span.end)
        return parts

    def _idle(self, timeline: Timeline) -> Callable[[I64], I64] | None:
        """Tells by key for how long users who are forgotten had been idle; 0 for all others."""
        return (lambda keys: timeline.at(keys, [IDLE])[IDLE]) if self._users.forgets else None

    def _frame(self, timeline: Timeline, keys: I64, span: Span, wanted: frozenset[str]) -> Table:
        """The table that expressions read, a row per key."""
        ticks = span.settled + keys % span.stride * span.tick
        read = [each for each in self.rules.features.values() if not wanted.isdisjoint(each.columns())]
        names = [name for feature in read for name in feature.stored()]
        columns = timeline.at(keys, [*names, *(name for name in self._measures.columns(wanted) if name not in names)])
        percentiles = self._measures.percentiles(columns, ticks, wanted)
        return feature_table(self.rules, columns, ticks, percentiles, self._users.vocabularies, wanted)
