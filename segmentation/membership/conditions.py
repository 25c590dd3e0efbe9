"""Rules as columns of booleans: for rows of (user, tick), whether each segment would be entered, and kept.

``in_segment`` depends on what the same tick decides, so a condition that names other segments is evaluated for every
combination of them; the membership step then picks the combination that came out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from segmentation.expressions import Expression, Table, Values, columns_read, holds, segments_read
from segmentation.features.rolling import boundary_column
from segmentation.features.timeline import I64, NO_TIME, Bool, Column
from segmentation.rules.model import JOURNEY_STATUSES, Attribute, Feature, Journey, Recency, Rules, Segment


@dataclass(frozen=True)
class CompiledSegment:
    """Where a segment's results stand: ``enter + c`` and ``stay + c`` for the combination ``c`` of its ``reads``.

    ``reads`` are positions of other segments; the k-th contributes ``2 ** k`` to the combination when it is TRUE.
    """

    segment: Segment
    position: int
    reads: tuple[int, ...]
    enter: int
    stay: int


@dataclass(frozen=True)
class _Column:
    """A column of results: where the condition is TRUE, or where it is FALSE, if ``others`` are as given."""

    condition: Expression
    others: Mapping[str, bool]
    when: bool


class Conditions:
    """All conditions of a rules file."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.positions = {name: position for position, name in enumerate(rules.segments)}
        self.segments: list[CompiledSegment] = []
        self._columns: list[_Column] = []
        self.columns: frozenset[str] = frozenset()
        for position, segment in enumerate(rules.segments.values()):
            self.segments.append(self._compile(segment, position))

    @property
    def width(self) -> int:
        """The number of boolean columns."""
        return len(self._columns)

    def evaluate(self, table: Table, size: int) -> Bool:
        """Shape: (``size``, the rows of ``table``; `width`). NULL has become FALSE, as the definition of membership has
        it."""
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
        self._columns += [_Column(segment.when, combination, when=True) for combination in combinations]
        stay = enter
        if segment.until is not None:
            stay = len(self._columns)
            self._columns += [_Column(segment.until, combination, when=False) for combination in combinations]
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
        columns: the features' raw columns (`NO_TIME`, -1 and NaN stand for NULL), one value per row.
        ticks: the tick of each row, µs.
        percentiles: by feature, NaN for NULL.
        vocabularies: the texts of attributes by code.
        wanted: the columns that are read; others are left out.
    """
    result = {"tick": Values(ticks)}
    for name, values in percentiles.items():
        result[f"percentile({name})"] = Values.unless(np.isnan(values), values)
    for name, feature in rules.features.items():
        if isinstance(feature, Journey):
            if any(column.startswith(name + ".") for column in wanted):
                result |= _journey_columns(feature, columns, ticks)
        elif name in wanted:
            result[name] = _plain_column(feature, columns[name], vocabularies)
    return result


def _plain_column(feature: Feature, values: Column, vocabularies: Mapping[str, list[str]]) -> Values:
    if isinstance(feature, Recency):
        return _times(values)
    if isinstance(feature, Attribute) and feature.keep == "max":
        return Values.unless(np.isnan(values), values)
    if isinstance(feature, Attribute) and feature.keep in ("first", "last"):
        return Values.strings(vocabularies.get(feature.name, []), values)
    return Values(values)


def _journey_columns(journey: Journey, columns: Mapping[str, Column], ticks: I64) -> dict[str, Values]:
    started, completed = columns[f"{journey.name}.started_at"], columns[f"{journey.name}.completed_at"]
    begun, done = started != NO_TIME, completed != NO_TIME
    deadline = np.iinfo(np.int64).max if journey.deadline is None else journey.deadline
    # Times without a start or an end never enter a difference.
    since = np.where(begun, started, 0)
    taken = np.where(done, completed, 0) - since
    waited = np.where(begun, ticks - since, 0)
    # By `JOURNEY_STATUSES`: done in time or later, or begun, and then waiting in time or for too long.
    code = np.where(done, np.where(taken <= deadline, 2, 4), np.where(waited > deadline, 3, 1))
    code[~begun] = 0
    return {
        f"{journey.name}.status": Values.strings(JOURNEY_STATUSES, code),
        f"{journey.name}.started_at": _times(started),
        f"{journey.name}.completed_at": _times(completed),
        f"{journey.name}.time_to_complete": Values.unless(~done, taken),
        f"{journey.name}.steps_done": Values(columns[f"{journey.name}.steps_done"]),
    }


def _times(values: I64) -> Values:
    return Values.unless(values == NO_TIME, values)


def raw_columns(rules: Rules) -> dict[str, int | float]:
    """The raw columns that a shard keeps per user, with the value that stands for "nothing yet"."""
    result: dict[str, int | float] = {}
    for name, feature in rules.features.items():
        if isinstance(feature, Journey):
            result |= {f"{name}.started_at": NO_TIME, f"{name}.completed_at": NO_TIME, f"{name}.steps_done": 0}
        elif isinstance(feature, Recency):
            result[name] = NO_TIME
        elif isinstance(feature, Attribute):
            result[name] = {"max": float("nan"), "set": 0}.get(feature.keep, -1)
        else:
            result[name] = 0
            every = getattr(feature, "every", rules.tick)
            if every != rules.tick:
                result[boundary_column(name)] = 0
    return result
