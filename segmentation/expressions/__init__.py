"""Conditions of segment rules: SQL text in a closed grammar, checked once, compiled to Polars."""

from segmentation.expressions.analysis import (
    age_thresholds,
    columns_read,
    features_read,
    percentile_thresholds,
    segments_read,
)
from segmentation.expressions.checking import MAX_IN_SEGMENT, parse
from segmentation.expressions.errors import ExpressionError, Fault
from segmentation.expressions.evidence import EvidenceTerm, evidence_terms
from segmentation.expressions.nodes import Expression
from segmentation.expressions.polars_compiler import to_polars

__all__ = [
    "MAX_IN_SEGMENT",
    "EvidenceTerm",
    "Expression",
    "ExpressionError",
    "Fault",
    "age_thresholds",
    "columns_read",
    "evidence_terms",
    "features_read",
    "parse",
    "percentile_thresholds",
    "segments_read",
    "to_polars",
]
