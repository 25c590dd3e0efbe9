"""Rules as columns of booleans: for rows of (user, tick), whether each segment would be entered, and kept.

``in_segment`` depends on what the same tick decides, so a condition that names other segments is evaluated for every
combination of them; the membership step then picks the combination that came out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

from segmentation.config import UNKNOWN, Attribute, Feature, Journey, Recency, Rules, Segment
from segmentation.expressions import columns_read, segments_read, to_polars
from segmentation.features.rolling import boundary_column
from segmentation.features.timeline import I64, NO_TIME, Bool, Column

__all__ = ["UNKNOWN", "CompiledSegment", "Conditions", "feature_frame"]


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


class Conditions:
    """All conditions of a rules file, compiled."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.positions = {name: position for position, name in enumerate(rules.segments)}
        self.segments: list[CompiledSegment] = []
        self._expressions: list[pl.Expr] = []
        self.columns: frozenset[str] = frozenset()
        for position, segment in enumerate(rules.segments.values()):
            self.segments.append(self._compile(segment, position))

    @property
    def width(self) -> int:
        """The number of boolean columns."""
        return len(self._expressions)

    def evaluate(self, frame: pl.DataFrame) -> Bool:
        """Shape: (rows of ``frame``, `width`). NULL has become FALSE, as the definition of membership has it."""
        if not len(frame):
            return np.empty((0, self.width), np.bool_)
        table = frame.select(expression.alias(str(number)) for number, expression in enumerate(self._expressions))
        return np.column_stack([np.broadcast_to(table[name].to_numpy(), len(frame)) for name in table.columns])

    def _compile(self, segment: Segment, position: int) -> CompiledSegment:
        conditions = [condition for condition in (segment.when, segment.until) if condition is not None]
        names = sorted({name for condition in conditions for name in segments_read(condition)})
        self.columns |= {column for condition in conditions for column in columns_read(condition)}
        # The last name varies slowest, so that name k contributes 2 ** k.
        combinations = [
            dict(zip(reversed(names), bits, strict=True)) for bits in product((False, True), repeat=len(names))
        ]
        enter = len(self._expressions)
        entering = [to_polars(segment.when, combination).fill_null(value=False) for combination in combinations]
        until = segment.until
        if until is None:
            staying = entering
        else:
            staying = [(~to_polars(until, combination)).fill_null(value=False) for combination in combinations]
        stay = enter if until is None else enter + len(entering)
        self._expressions += entering if until is None else entering + staying
        return CompiledSegment(segment, position, tuple(self.positions[name] for name in names), enter, stay)


def feature_frame(
    rules: Rules,
    columns: Mapping[str, Column],
    ticks: I64,
    percentiles: Mapping[str, Column],
    vocabularies: Mapping[str, list[str]],
    wanted: frozenset[str],
) -> pl.DataFrame:
    """The table that expressions read: a row per (user, tick), typed as the expression compiler expects.

    Args:
        rules: the rules whose features these are.
        columns: the features' raw columns (`NO_TIME`, -1 and NaN stand for NULL), one value per row.
        ticks: the tick of each row, µs.
        percentiles: by feature, NaN for NULL.
        vocabularies: the texts of attributes by code.
        wanted: the columns that are read; others are left out.
    """
    result: dict[str, pl.Series | pl.Expr] = {"tick": pl.Series(ticks)}
    for name, values in percentiles.items():
        result[f"percentile({name})"] = pl.Series(values).fill_nan(None)
    for name, feature in rules.features.items():
        if isinstance(feature, Journey):
            if any(column.startswith(name + ".") for column in wanted):
                result |= _journey_columns(feature, columns, ticks)
        elif name in wanted:
            result[name] = _plain_column(feature, columns[name], vocabularies)
    return pl.DataFrame(result)


def _plain_column(feature: Feature, values: Column, vocabularies: Mapping[str, list[str]]) -> pl.Series:
    if isinstance(feature, Recency):
        return _times(values)
    if isinstance(feature, Attribute) and feature.keep == "max":
        return pl.Series(values).fill_nan(None)
    if isinstance(feature, Attribute) and feature.keep in ("first", "last"):
        texts = vocabularies.get(feature.name, [])
        return pl.Series([*texts, None], dtype=pl.String).gather(np.where(values < 0, len(texts), values))
    return pl.Series(values)


def _journey_columns(journey: Journey, columns: Mapping[str, Column], ticks: I64) -> dict[str, pl.Series | pl.Expr]:
    started, completed = columns[f"{journey.name}.started_at"], columns[f"{journey.name}.completed_at"]
    begun, done = started != NO_TIME, completed != NO_TIME
    deadline = np.iinfo(np.int64).max if journey.deadline is None else journey.deadline
    # The status is looked up by a small code; times without a start never enter a difference.
    taken = np.where(done, completed, 0) - np.where(begun, started, 0)
    waited = np.where(begun, ticks - np.where(begun, started, 0), 0)
    code = np.select([~begun, done & (taken <= deadline), done, waited > deadline], [0, 2, 4, 3], default=1)
    statuses = pl.Series(["not_started", "in_progress", "completed_in_time", "overdue", "completed_late"])
    return {
        f"{journey.name}.status": statuses.gather(code),
        f"{journey.name}.started_at": _times(started),
        f"{journey.name}.completed_at": _times(completed),
        f"{journey.name}.time_to_complete": pl.select(
            pl.when(pl.Series(done)).then(pl.Series(taken)).otherwise(None)
        ).to_series(),
        f"{journey.name}.steps_done": pl.Series(columns[f"{journey.name}.steps_done"]),
    }


def _times(values: I64) -> pl.Series:
    return pl.select(pl.when(pl.Series(values) != NO_TIME).then(pl.Series(values)).otherwise(None)).to_series()


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
