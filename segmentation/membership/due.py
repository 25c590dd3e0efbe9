"""When a user must be looked at without a change of their own: because time passed, or because other users moved.

To look too often costs time only; to miss a look makes a wrong membership. So every rule here prefers to look. All
results are keys of (user, tick) as in `segmentation.features.timeline`.
"""

import numpy as np

from segmentation.columns.arrays import I64
from segmentation.features.nulls import NO_TIME
from segmentation.features.timeline import Span, Timeline
from segmentation.membership.conditions import Conditions
from segmentation.rules.thresholds import merged_thresholds
from segmentation.units import HOUR


class Crossings:
    """The ticks at which time alone changes what a condition reads: ages that pass a literal, deadlines that pass.

    >>> from segmentation.features.timeline import Updates
    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1h, features: {seen: {kind: recency}}, "
    >>> rules = parse_rules(text + "segments: {gone: {when: hours_since(seen) > 2}}}", "rules.yaml")
    >>> nothing = np.empty(0, np.int64)
    >>> timeline = Timeline({"seen": np.array([0])}, Updates(nothing, {"seen": nothing}), stride=6)
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
