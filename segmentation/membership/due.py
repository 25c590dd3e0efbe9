"""When a user must be looked at without a change of their own: because time passed, or because other users moved.

To look too often costs time only; to miss a look makes a wrong membership. So every rule here prefers to look. All
results are keys of (user, tick) as in `segmentation.features.timeline`.
"""

from collections.abc import Mapping

import numpy as np

from segmentation.expressions import age_thresholds, percentile_thresholds
from segmentation.features.nulls import NO_TIME
from segmentation.features.timeline import I64, Column, Span
from segmentation.membership.conditions import Conditions
from segmentation.membership.user_table import Timeline
from segmentation.population.percentiles import Population
from segmentation.rules.model import Rules
from segmentation.units import HOUR


def merged_thresholds(rules: Rules, thresholds: str) -> dict[str, frozenset[float] | None]:
    """Over all conditions: the literals that each percentile (or age) is compared with; None where every change
    matters."""
    read = {"percentile": percentile_thresholds, "age": age_thresholds}[thresholds]
    result: dict[str, frozenset[float] | None] = {}
    for segment in rules.segments.values():
        for condition in (segment.when, segment.until):
            if condition is None:
                continue
            for name, literals in read(condition).items():
                known = result.get(name, frozenset())
                result[name] = None if literals is None or known is None else known | literals
    return result


class Crossings:
    """The ticks at which time alone changes what a condition reads: ages that pass a literal, deadlines that pass.

    >>> from segmentation.features.timeline import Changes
    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1h, features: {seen: {kind: recency}}, "
    >>> rules = parse_rules(text + "segments: {gone: {when: hours_since(seen) > 2}}}", "rules.yaml")
    >>> nothing = np.empty(0, np.int64)
    >>> timeline = Timeline({"seen": np.array([0])}, Changes(nothing, {"seen": nothing}), stride=6)
    >>> parts = Crossings(Conditions(rules)).due(timeline, Span(0, HOUR, 5))
    >>> np.concatenate(parts).tolist()
    [2, 3, 4]
    """

    def __init__(self, conditions: Conditions) -> None:
        rules = conditions.rules
        self._ages = merged_thresholds(rules, "age")
        self._deadlines = [
            deadline
            for feature in rules.features.values()
            for deadline in feature.deadlines()
            if deadline.column in conditions.columns
        ]

    @property
    def at_every_tick(self) -> bool:
        """Whether some condition does more with an age than compare it with a literal."""
        return None in self._ages.values()

    def due(self, timeline: Timeline, span: Span) -> list[I64]:
        """Keys within ``span``, in several parts of which some are sorted."""
        found: list[I64] = []
        for column, literals in self._ages.items():
            if literals is None:
                found.append(self._at_every_tick(timeline, column))
                continue
            for hours in literals:
                found += self._passing(timeline, column, int(hours * HOUR), None, span)
        for each in self._deadlines:
            found += self._passing(timeline, each.since, each.after, each.unless, span)
        return found

    def _at_every_tick(self, timeline: Timeline, column: str) -> I64:
        """All keys at which the time in ``column`` is known."""
        users = np.flatnonzero(timeline.before[column] != NO_TIME)
        known = timeline.changes.keys[timeline.changes.columns[column] != NO_TIME]
        rows = np.concatenate([users * timeline.stride, known])
        return _every_tick(rows, timeline.following(rows))

    def _passing(self, timeline: Timeline, column: str, after: int, unless: str | None, span: Span) -> list[I64]:
        """The ticks next to the moments ``after`` µs past the times in ``column``: at such a moment or just before it,
        just after it, and one more in case a literal was rounded; not where ``unless`` has a time."""
        found = []
        for source, keys in ((timeline.before, None), (timeline.changes.columns, timeline.changes.keys)):
            times = source[column]
            # Few of all users are near; each of the others costs only these two comparisons.
            near = np.flatnonzero((times >= span.settled - 2 * span.tick - after) & (times <= span.end - after))
            if unless is not None:
                near = near[source[unless][near] == NO_TIME]
            if not len(near):
                continue
            since = near * timeline.stride if keys is None else keys[near]
            following = timeline.following(since)
            first = (times[near] + after - span.settled) // span.tick
            base = since - since % timeline.stride
            for offset in (0, 1, 2):
                index = first + offset
                key = base + index
                found.append(key[(index >= 1) & (index <= span.count) & (key > since) & (key < following)])
        return found


def _every_tick(rows: I64, following: I64) -> I64:
    gaps = following - rows - 1
    starts = np.repeat(rows + 1, gaps)
    keys: I64 = starts + np.arange(len(starts)) - np.repeat(np.cumsum(gaps) - gaps, gaps)
    return keys


class Movers:
    """The users whose percentile crossed one of its literals at a boundary, by their place among the cutoff scores.

    >>> population = Population(scores=np.array([1, 2, 3]), members=np.array([1, 1, 1]), minimum=1)
    >>> movers = Movers(frozenset({50.0}))
    >>> movers.at(population, scores=np.array([1, 2])).tolist()
    [0, 1]
    >>> movers.at(population, scores=np.array([1, 3])).tolist()
    [1]
    """

    def __init__(self, literals: frozenset[float] | None) -> None:
        self._literals = None if literals is None else sorted(literals)
        #: Holds one more than the two cutoffs of each literal.
        self._kind = np.min_scalar_type(2 * len(literals or ()) + 1)
        self._place: Column = np.empty(0, self._kind)

    def at(self, population: Population, scores: I64) -> I64:
        """The users (positions in ``scores``, the values of all users at the boundary) to look at."""
        place = self._places(population, scores)
        held = np.zeros(len(place), self._kind)
        held[: len(self._place)] = self._place
        self._place = place
        if self._literals is None:
            return np.flatnonzero((place > 0) | (held > 0))
        return np.flatnonzero(place != held)

    def _places(self, population: Population, scores: I64) -> Column:
        """0: no percentile; otherwise one more than the number of cutoffs reached."""
        place = np.zeros(len(scores), self._kind)
        if np.isnan(population.percentiles[:1]).any() or not len(population.scores):
            return place
        place += scores > 0
        for cutoff in population.cutoffs(self._literals or []):
            place += scores >= cutoff  # the score 0 reaches none: all are scores of members
        return place


def read_thresholds(rules: Rules) -> Mapping[str, frozenset[float] | None]:
    """The literals that each percentile is compared with."""
    return merged_thresholds(rules, "percentile")
