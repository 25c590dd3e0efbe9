"""What a change rests on: for every comparison of the deciding condition, what was measured and what it was held
against."""

from collections.abc import Callable

import numpy as np
import polars as pl

from segmentation.conditions import Conditions
from segmentation.expressions import Expression, columns_read, evidence_terms
from segmentation.features.timeline import I64, Bool


class Evidence:
    """The evidence of all segments of a rules file: entering rests on ``when``, leaving on ``until`` if there is
    one."""

    def __init__(self, conditions: Conditions) -> None:
        self._positions = conditions.positions
        self._deciding = [
            (compiled.segment.until or compiled.segment.when, compiled.segment.when) for compiled in conditions.segments
        ]

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
                if len(rows):
                    texts = self._of_condition(condition, keys[rows], after[rows], frame)
                    result = result.scatter(rows, texts)
        return result

    def _of_condition(
        self,
        condition: Expression,
        keys: I64,
        after: Bool,
        frame: Callable[[I64, frozenset[str]], pl.DataFrame],
    ) -> pl.Series:
        table = frame(keys, columns_read(condition))
        objects = []
        for term in evidence_terms(condition):
            if term.segment is not None:
                value = pl.lit(pl.Series(after[:, self._positions[term.segment]]))
            else:
                value = term.value
            objects.append(
                pl.struct(
                    pl.lit(term.name).alias("feature"),
                    pl.lit(term.operator).alias("operator"),
                    value.alias("value"),
                    pl.lit(term.threshold, dtype=pl.String).alias("threshold"),
                ).struct.json_encode()
            )
        if not objects:
            return pl.Series(["[]"] * len(keys))
        joined = pl.concat_str([pl.lit("["), pl.concat_str(objects, separator=","), pl.lit("]")])
        return table.select(joined.alias("evidence")).to_series()
