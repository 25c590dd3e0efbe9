"""Rules as columns of booleans: for rows of (user, tick), whether a user would enter each segment, and would stay.

``in_segment`` depends on what the same tick decides, so a condition that names other segments is evaluated for every
combination of them; the membership step then picks the combination that came out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.expressions import Expression, Table, Values, columns_read, holds, segments_read
from segmentation.rules.model import Rules, Segment


@dataclass(frozen=True)
class CompiledSegment:
    """The columns of a segment's results: ``enter + c`` and ``stay + c`` for the combination ``c`` of its ``reads``.

    ``reads`` are positions of other segments; the k-th adds ``2 ** k`` to the combination when it is TRUE.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> text += "segments: {busy: {when: clicks >= 2}, idle: {when: NOT in_segment('busy')}}}"
    >>> [(each.reads, each.enter) for each in Conditions(parse_rules(text, "rules.yaml")).segments]
    [((), 0), ((0,), 1)]
    """

    segment: Segment
    position: int
    reads: tuple[int, ...]
    enter: int
    stay: int


@dataclass(frozen=True)
class _Outcome:
    """A column of results: where the condition is TRUE, or where it is FALSE, if ``others`` are as given."""

    condition: Expression
    others: Mapping[str, bool]
    when: bool


class Conditions:
    """All conditions of a rules file.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> conditions = Conditions(rules)
    >>> conditions.evaluate({"clicks": Values(np.array([1, 2]))}, size=2).tolist()
    [[False], [True]]
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.positions = {name: position for position, name in enumerate(rules.segments)}
        self.segments: list[CompiledSegment] = []
        self._columns: list[_Outcome] = []
        self.columns: frozenset[str] = frozenset()
        for position, segment in enumerate(rules.segments.values()):
            self.segments.append(self._compile(segment, position))

    @property
    def width(self) -> int:
        """The number of boolean columns."""
        return len(self._columns)

    def evaluate(self, table: Table, size: int) -> Bool:
        """What each column gives for each row of ``table``; NULL is FALSE, as membership is defined.

        Shape: (``size``, which is the number of rows; `width`).
        """
        results = np.empty((size, self.width), np.bool_)
        for number, column in enumerate(self._columns):
            values = holds(column.condition, table, column.others)
            results[:, number] = values.data if column.when else values.known & ~values.data
        return results

    def _compile(self, segment: Segment, position: int) -> CompiledSegment:
        conditions = [condition for condition in (segment.when, segment.until) if condition is not None]
        names = sorted({name for condition in conditions for name in segments_read(condition)})
        self.columns |= {column for condition in conditions for column in columns_read(condition)}
        # The last name varies slowest, so that name k contributes 2 ** k.
        combinations = [
            dict(zip(reversed(names), bits, strict=True)) for bits in product((False, True), repeat=len(names))
        ]
        enter = len(self._columns)
        self._columns += [_Outcome(segment.when, combination, when=True) for combination in combinations]
        stay = enter
        if segment.until is not None:
            stay = len(self._columns)
            self._columns += [_Outcome(segment.until, combination, when=False) for combination in combinations]
        return CompiledSegment(segment, position, tuple(self.positions[name] for name in names), enter, stay)


def feature_table(
    rules: Rules,
    columns: Mapping[str, Column],
    ticks: I64,
    percentiles: Mapping[str, Column],
    vocabularies: Mapping[str, list[str]],
    wanted: frozenset[str],
) -> dict[str, Values]:
    """The table that expressions read: a row per (user, tick).

    Args:
        rules: the rules whose features these are.
        columns: the features' stored columns (`segmentation.features.nulls`), one value per row. Those of
            features that have a wanted column suffice.
        ticks: the tick of each row, µs.
        percentiles: by feature, NaN for NULL.
        vocabularies: the texts of attributes by code.
        wanted: the columns that are read; others are left out.
    """
    result = {"tick": Values(ticks)}
    for name, values in percentiles.items():
        result[f"percentile({name})"] = Values.unless(np.isnan(values), values)
    for name, feature in rules.features.items():
        if not wanted.isdisjoint(feature.columns()):
            result |= feature.values_of(columns, ticks, vocabularies.get(name, ()))
    return result
