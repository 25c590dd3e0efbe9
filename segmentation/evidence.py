"""What a change rests on: for every comparison of the deciding condition, what was measured and what it was held
against."""

from collections.abc import Callable

import numpy as np
import polars as pl

from segmentation.conditions import Conditions
from segmentation.expressions import EvidenceTerm, Expression, columns_read, evidence_terms
from segmentation.expressions.nodes import Type
from segmentation.features.timeline import I64, Bool
from segmentation.units import HOUR, MINUTE, SECOND


class Evidence:
    """The evidence of all segments of a rules file: entering rests on ``when``, leaving on ``until`` if there is
    one."""

    def __init__(self, conditions: Conditions) -> None:
        self._positions = conditions.positions
        self._deciding = [
            (compiled.segment.until or compiled.segment.when, compiled.segment.when) for compiled in conditions.segments
        ]

        self._rivals = _rivals(conditions)

    def texts(
        self,
        keys: I64,
        segment: I64,
        entered: Bool,
        after: Bool,
        frame: Callable[[I64, frozenset[str]], pl.DataFrame],
    ) -> pl.Series:
        """A JSON array of objects (feature, operator, value, threshold) for each change."""
        result = pl.Series([""] * len(keys), dtype=pl.String)
        for position, by_action in enumerate(self._deciding):
            for action, condition in enumerate(by_action):
                rows = np.flatnonzero((segment == position) & (entered == bool(action)))
                if not len(rows):
                    continue
                table = frame(keys[rows], columns_read(condition))
                objects = self._comparisons(condition, after[rows])
                if not action and position in self._rivals:
                    objects.append(self._winner(position, after[rows]))
                result = result.scatter(rows, _as_array(table, objects))
        return result

    def _comparisons(self, condition: Expression, after: Bool) -> list[pl.Expr]:
        """An object for each comparison of the condition."""
        objects = []
        for term in evidence_terms(condition):
            if term.segment is not None:
                value = pl.lit(pl.Series(after[:, self._positions[term.segment]]))
            else:
                value = _readable(term)
            objects.append(_object(term.name, term.operator, value, term.threshold))
        return objects

    def _winner(self, position: int, after: Bool) -> pl.Expr:
        """An object with the segment that holds the group now, where one does: its priority may have decided."""
        group, rivals = self._rivals[position]
        names = pl.Series([*(name for name, _ in rivals), None], dtype=pl.String)
        members = after[:, [rival for _, rival in rivals]]
        winner = names.gather(np.where(members.any(axis=1), members.argmax(axis=1), len(rivals)))
        return pl.when(winner.is_not_null()).then(_object(f"group({group})", "=", pl.lit(winner), None))


def _rivals(conditions: Conditions) -> dict[int, tuple[str, list[tuple[str, int]]]]:
    """By the position of a segment in a group: the group, and name and position of the group's other members."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for compiled in conditions.segments:
        if compiled.segment.group is not None:
            groups.setdefault(compiled.segment.group, []).append((compiled.segment.name, compiled.position))
    return {
        position: (group, [member for member in members if member[1] != position])
        for group, members in groups.items()
        for _, position in members
        if len(members) > 1
    }


def _object(name: str, operator: str, value: pl.Expr, threshold: str | None) -> pl.Expr:
    fields = (
        pl.lit(name).alias("feature"),
        pl.lit(operator).alias("operator"),
        value.alias("value"),
        pl.lit(threshold, dtype=pl.String).alias("threshold"),
    )
    return pl.struct(*fields).struct.json_encode()


def _as_array(table: pl.DataFrame, objects: list[pl.Expr]) -> pl.Series:
    """A JSON array of the objects for each row; those that are NULL are left out."""
    if not objects:
        return pl.Series(["[]"] * len(table), dtype=pl.String)
    joined = pl.concat_str([pl.lit("["), pl.concat_str(objects, separator=",", ignore_nulls=True), pl.lit("]")])
    return table.select(joined.alias("evidence")).to_series()


def _readable(term: EvidenceTerm) -> pl.Expr:
    """The measured value as people write it: times in ISO 8601, intervals as 26h5m0.25s, all else as it is."""
    if term.type is Type.TIMESTAMP:
        return pl.from_epoch(term.value, time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    if term.type is Type.INTERVAL:
        length = term.value.abs()
        sign = pl.when(term.value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        hours, minutes, seconds = length // HOUR, length % HOUR // MINUTE, length % MINUTE // SECOND
        # Digits, not a division: see docs/adr/0006-division.md.
        fraction = (length % SECOND).cast(pl.String).str.zfill(6).str.strip_chars_end("0")
        point = pl.when(fraction == "").then(pl.lit("")).otherwise(pl.lit("."))
        return pl.concat_str([sign, hours, pl.lit("h"), minutes, pl.lit("m"), seconds, point, fraction, pl.lit("s")])
    return term.value
