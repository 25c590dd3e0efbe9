"""What is read off a condition: columns, features, segments, thresholds, evidence."""

import polars as pl
import pytest

from segmentation.expressions import (
    EvidenceTerm,
    age_thresholds,
    columns_read,
    evidence_terms,
    features_read,
    percentile_thresholds,
    segments_read,
    value_of,
)
from segmentation.units import DAY, HOUR
from tests.segmentation.conditions import NOTHING, SCHEMA, expression, table_of


def test_columns_features_and_segments_read() -> None:
    found = expression("percentile(f) > 1 AND j.status = 'overdue' AND hours_since(seen) > 1 AND in_segment('a')")
    assert columns_read(found) == {"percentile(f)", "j.status", "seen", "tick"}
    assert features_read(found) == {"f", "j", "seen"}
    assert segments_read(found) == {"a"}


@pytest.mark.parametrize(
    ("text", "thresholds"),
    [
        ("f > 1", {}),
        ("percentile(f) >= 80", {"f": {80.0}}),
        ("80 <= percentile(f) AND percentile(f) < 90.5", {"f": {80.0, 90.5}}),
        ("percentile(f) BETWEEN 10 AND 2e1 OR percentile(g) IS NULL", {"f": {10.0, 20.0}, "g": set()}),
        ("NOT percentile(f) >= -1", {"f": {-1.0}}),
        ("CASE WHEN percentile(f) > 5 THEN TRUE ELSE FALSE END", {"f": {5.0}}),
        ("percentile(f) IS NOT NULL", {"f": set()}),
        ("percentile(f) > percentile(g)", {"f": None, "g": None}),
        ("percentile(f) + 1 > 5 OR percentile(f) > 80", {"f": None}),
        ("percentile(f) IN (1, 2)", {"f": None}),
        ("CASE WHEN f > 1 THEN percentile(f) ELSE 0 END > 5", {"f": None}),
        ("-percentile(f) < -80", {"f": None}),
    ],
)
def test_percentile_thresholds(text: str, thresholds: dict[str, set[float] | None]) -> None:
    assert percentile_thresholds(expression(text)) == thresholds


@pytest.mark.parametrize(
    ("text", "thresholds"),
    [
        ("seen > j.started_at", {}),
        ("hours_since(seen) > 72 OR 1.5 > hours_since(seen)", {"seen": {72.0, 1.5}}),
        ("hours_since(j.started_at) / 24 > 3", {"j.started_at": None}),
        ("hours_since(seen) IS NULL", {"seen": set()}),
    ],
)
def test_age_thresholds(text: str, thresholds: dict[str, set[float] | None]) -> None:
    assert age_thresholds(expression(text)) == thresholds


def _shown(term: EvidenceTerm) -> tuple[str, str, str | None, object]:
    return term.name, term.operator, term.threshold, term.threshold_value


def test_evidence_has_every_comparison_once_in_order() -> None:
    text = (
        "percentile(f) >= 80 AND j.time_to_complete <= INTERVAL '24' HOUR AND source IN ('paid', 'organic') "
        "AND in_segment('a') AND 3 < g AND percentile(f) >= 80 AND seen IS NOT NULL AND plan NOT IN ('x') "
        "AND hours_since(seen) > 1.5 AND j.status <> 'overdue' AND f / 2 > g AND 1 = 1"
    )
    terms = evidence_terms(expression(text))
    assert [_shown(term) for term in terms] == [
        ("percentile(f)", ">=", "80", 80),
        ("j.time_to_complete", "<=", "1d", DAY),
        ("source", "IN", '["paid", "organic"]', ("paid", "organic")),
        ("in_segment(a)", "", None, None),
        ("g", ">", "3", 3),
        ("seen", "IS NOT NULL", None, None),
        ("plan", "NOT IN", '["x"]', ("x",)),
        ("hours_since(seen)", ">", "1.5", 1.5),
        ("j.status", "<>", "overdue", "overdue"),
        ("f / 2", ">", "g", None),
        ("g", "<", "f / 2", None),
    ]
    assert [term.segment for term in terms if term.segment is not None] == ["a"]


def test_evidence_computes_the_value() -> None:
    (term,) = evidence_terms(expression("hours_since(seen) > 1"))
    rows = pl.DataFrame([{**NOTHING, "seen": 0, "tick": 3 * HOUR}], schema=SCHEMA)
    assert value_of(term.node, table_of(rows), {}).to_list(1) == [3.0]


def test_evidence_of_a_comparison_that_depends_on_a_membership_names_the_membership() -> None:
    terms = evidence_terms(expression("CASE WHEN in_segment('a') THEN f ELSE 0 END > 1"))
    assert [term.name for term in terms] == ["in_segment(a)"]
