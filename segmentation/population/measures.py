"""Percentiles as one shard sees them: the populations of all measured features, and where its users stand in them."""

import itertools
from collections.abc import Mapping
from typing import Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.features.kind import Measured
from segmentation.features.timeline import Span, Timeline, run_starts
from segmentation.population.movers import Movers
from segmentation.population.moves import Moves, MovesByFeature
from segmentation.population.percentiles import F64, Populations
from segmentation.rules.model import Rules
from segmentation.rules.thresholds import measured_features, merged_thresholds
from segmentation.units import floor_to


class Measures:
    """Populations by feature and boundary, and which users crossed a threshold at which boundary.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, population: {minimum: 1}, features: {clicks: {kind: rolling_count, window: 3m, "
    >>> text += "every: 1m}}, segments: {top: {when: percentile(clicks) >= 80}}}"
    >>> measures = Measures(parse_rules(text, "rules.yaml"))
    >>> measures.add({"clicks": Moves(np.array([60, 60]), score=np.array([2, 7]), users=np.array([4, 1]))})
    >>> measures.cut_scores()
    {'clicks>=80': 7}
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._features = measured_features(rules)
        self._thresholds = merged_thresholds(rules, "percentile")
        self._populations = {each.name: Populations(rules.population_minimum) for each in self._features}
        self._movers = {each.name: Movers(self._thresholds[each.name]) for each in self._features}

    def moved_boundaries(self) -> list[int]:
        """The boundaries (µs) at which some population moved, of those not forgotten, in order."""
        return sorted({each for populations in self._populations.values() for each in populations.boundaries})

    def add(self, moves: MovesByFeature) -> None:
        """Take in the populations' moves at later boundaries than all before."""
        for name, populations in self._populations.items():
            if name in moves:
                populations.add(moves[name])

    def forget_before(self, tick: int) -> None:
        """Keep only the populations that hold at ``tick`` (µs) and later."""
        for each in self._features:
            self._populations[each.name].forget_before(floor_to(tick, each.every))

    def due(self, timeline: Timeline, span: Span) -> list[I64]:
        """Keys of the users whose percentile crossed a literal, by boundary."""
        found = []
        rows = timeline.changes
        index = rows.keys % span.stride
        order = np.argsort(index, kind="stable")
        users, indices = rows.keys[order] // span.stride, index[order]
        ticks = indices[run_starts(indices)]
        for each in self._features:
            boundaries = self._boundaries(each, ticks, span)
            if not boundaries:
                continue
            populations, movers = self._populations[each.name], self._movers[each.name]
            scores = timeline.before[each.column].copy()
            values = rows.columns[each.column][order]
            start = 0
            for boundary in boundaries:
                at = (boundary - span.settled) // span.tick
                end = int(np.searchsorted(indices, at, side="right"))
                scores[users[start:end]] = values[start:end]
                start = end
                found.append(movers.at(populations.at(boundary), scores) * span.stride + at)
        return found

    def _boundaries(self, measured: Measured, indices: I64, span: Span) -> list[int]:
        """The boundaries (µs) in ``span`` at which the population moved or (tick ``indices``) one of the shard's users.

        Users may move although the population does not: one joins with the score of another who leaves.
        """
        moved = {each for each in self._populations[measured.name].boundaries if span.settled < each <= span.end}
        ticks = span.settled + indices * span.tick
        return sorted(moved.union(ticks[ticks % measured.every == 0].tolist()))

    def columns(self, wanted: frozenset[str]) -> list[str]:
        """The columns that `percentiles` takes."""
        return [each.column for each in self._features if f"percentile({each.name})" in wanted]

    def percentiles(self, columns: Mapping[str, Column], ticks: I64, wanted: frozenset[str]) -> dict[str, F64]:
        """By feature the percentile of each row of ``columns`` at its tick, NaN for none; only wanted ones."""
        return {
            each.name: self._at_boundaries(each, columns[each.column], ticks)
            for each in self._features
            if f"percentile({each.name})" in wanted
        }

    def early_percentiles(
        self, columns: Mapping[str, Column], settled: Mapping[str, Column], users: I64
    ) -> dict[str, F64]:
        """By feature the percentile of live scores among the others of the last population."""
        return {
            each.name: self._populations[each.name].latest.early(columns[each.name], settled[each.column][users])
            for each in self._features
        }

    def others_moved(self, timeline: Timeline, keys: I64, span: Span, feature: str) -> Bool:
        """Whether the percentile changed since the tick before although the user's own score did not."""
        measured = next(each for each in self._features if each.name == feature)
        ticks = span.settled + keys % span.stride * span.tick
        column = measured.column
        now, then = timeline.at(keys, [column])[column], timeline.at(keys - 1, [column])[column]
        before = self._at_boundaries(measured, then, ticks - span.tick)
        after = self._at_boundaries(measured, now, ticks)
        moved: Bool = (now == then) & (before != after) & ~(np.isnan(before) & np.isnan(after))
        return moved

    def cut_scores(self) -> dict[str, int]:
        """The least score that reaches each percentile a rule asks for, in the last population: ``f>=80`` -> score."""
        result = {}
        for each in self._features:
            population = self._populations[each.name].latest
            for literal in sorted(self._thresholds[each.name] or ()):
                reached = np.flatnonzero(population.percentiles >= literal)
                if len(reached):
                    result[f"{each.name}>={literal:g}"] = int(population.scores[reached[0]])
        return result

    def keep(self, rows: I64) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``. Populations are of all shards, as before."""
        for movers in self._movers.values():
            movers.keep(rows)

    def join(self, other: Self, users: int) -> None:
        """Take in the users of another shard, which has the same populations, behind the own ones (``users``)."""
        for name, movers in self._movers.items():
            movers.join(other._movers[name], users)

    def tables(self) -> dict[str, pl.DataFrame]:
        """The last population of each feature (score, users)."""
        latest = {name: populations.latest for name, populations in self._populations.items()}
        return {name: pl.DataFrame({"score": each.scores, "users": each.members}) for name, each in latest.items()}

    def restore(self, tables: Mapping[str, pl.DataFrame], settled: int, columns: Mapping[str, Column]) -> None:
        """Take over what `tables` gave when ``settled`` (µs) was the last tick; ``columns`` are the users' values
        then."""
        for each in self._features:
            boundary = floor_to(settled, each.every)
            populations = Populations(self._rules.population_minimum)
            score, users = (tables[each.name][name].to_numpy() for name in ("score", "users"))
            populations.add(Moves(np.full(len(score), boundary), score, users))
            populations.forget_before(boundary)
            self._populations[each.name] = populations
            self._movers[each.name].at(populations.latest, columns[each.column])

    def _at_boundaries(self, measured: Measured, scores: I64, ticks: I64) -> F64:
        """The percentile of each score in the population of its tick's boundary."""
        result = np.empty(len(scores))
        order = np.argsort(ticks, kind="stable")
        boundaries = (ticks // measured.every * measured.every)[order]
        edges = np.append(run_starts(boundaries), len(boundaries))
        populations = self._populations[measured.name]
        for start, end in itertools.pairwise(edges):
            rows = order[start:end]
            result[rows] = populations.at(int(boundaries[start])).of(scores[rows])
        return result
