"""Conditions of segment rules: SQL text in a closed grammar, checked once, evaluated over columns.

Here belongs what a condition can say and what it means. Which names it may use is asked of the features that are given
(`scope`): kinds of features, rules and users are not known.
"""

from segmentation.expressions.analysis import (
    age_thresholds,
    columns_read,
    features_read,
    percentile_thresholds,
    segments_read,
)
from segmentation.expressions.checking import MAX_IN_SEGMENT, parse
from segmentation.expressions.errors import ExpressionError, Fault
from segmentation.expressions.evaluation import holds, value_of
from segmentation.expressions.evidence import EvidenceTerm, evidence_terms
from segmentation.expressions.nodes import Expression
from segmentation.expressions.values import Table, Values

__all__ = [
    "MAX_IN_SEGMENT",
    "EvidenceTerm",
    "Expression",
    "ExpressionError",
    "Fault",
    "Table",
    "Values",
    "age_thresholds",
    "columns_read",
    "evidence_terms",
    "features_read",
    "holds",
    "parse",
    "percentile_thresholds",
    "segments_read",
    "value_of",
]
