"""Conditions: the same three-valued answer from our evaluation and from DuckDB for the same text."""

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings

from segmentation.expressions import (
    age_thresholds,
    columns_read,
    evidence_terms,
    features_read,
    holds,
    parse,
    percentile_thresholds,
    segments_read,
    value_of,
)
from segmentation.expressions.rendering import render
from tests.segmentation.conditions import (
    CONDITIONS,
    FEATURES,
    MEMBERS,
    NOTHING,
    ONE,
    ROWS,
    SCHEMA,
    SEGMENTS,
    evaluated,
    expression,
    in_duckdb,
    table_of,
)


@settings(max_examples=400, deadline=None)
@given(text=CONDITIONS, rows=ROWS)
def test_we_and_duckdb_agree_on_any_condition(engine: duckdb.DuckDBPyConnection, text: str, rows: pl.DataFrame) -> None:
    assert evaluated(text, rows) == in_duckdb(engine, text, rows)


@settings(max_examples=200, deadline=None)
@given(text=CONDITIONS)
def test_the_rendered_text_means_the_same(text: str) -> None:
    root = parse(text, FEATURES, SEGMENTS).root
    assert parse(render(root), FEATURES, SEGMENTS).root == root


@settings(max_examples=200, deadline=None)
@given(text=CONDITIONS, rows=ROWS)
def test_only_the_columns_read_are_needed_and_every_analysis_ends(text: str, rows: pl.DataFrame) -> None:
    expression = parse(text, FEATURES, SEGMENTS)
    needed = table_of(rows.select(sorted(columns_read(expression))))
    holds(expression, needed, MEMBERS)
    for term in evidence_terms(expression):
        value_of(term.node, needed, MEMBERS)
    assert percentile_thresholds(expression).keys() <= features_read(expression)
    assert age_thresholds(expression).keys() <= SCHEMA.keys()
    assert segments_read(expression) <= set(SEGMENTS)


# --- single definitions, against DuckDB too


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("1 / f = 1", None),
        ("1 / amount IS NULL", True),
        ("f / f > 0 OR TRUE", True),
        ("7 / 2 = 3.5", True),
        ("percentile(f) >= 80", None),
        ("percentile(f) >= 80 AND FALSE", False),
        ("percentile(f) >= 80 OR TRUE", True),
        ("NOT percentile(f) >= 80", None),
        ("percentile(f) IN (1, 2)", None),
        ("source NOT IN ('paid')", None),
        ("source <> 'paid'", None),
        ("CASE WHEN percentile(f) > 1 THEN FALSE ELSE TRUE END", True),
        ("CASE WHEN FALSE THEN TRUE END", None),
        ("CASE WHEN FALSE THEN 1 END IS NULL", True),
        ("1.5 = f", False),
        ("-0.5 < f", True),
        ("f = 0.0", True),
        ("f < 0.5", True),
        ("f = 0.5", False),
        ("f <> 0.5", True),
        ("f >= -0.5", True),
        ("amount = -0.0", True),
        ("INTERVAL '24' HOUR = INTERVAL '1' DAY", True),
        ("INTERVAL '0.000001' SECOND > INTERVAL '0' SECOND", True),
        ("hours_since(seen) > 3", None),
        ("2 + 3 * 2 = 8", True),
        ("10 - 3 - 2 = 5", True),
        ("12 / 3 / 2 = 2", True),
        ("- f * 2 + 1 = 1", True),
        ("NOT f = 1 AND plan = 'pro'", True),
        ("TRUE OR FALSE AND FALSE", True),
        ("plan = 'Pro'", False),
        ("'Pro' < plan", True),
        ("in_segment('a') AND NOT in_segment('b')", True),
    ],
)
def test_one_row(engine: duckdb.DuckDBPyConnection, text: str, holds: bool | None) -> None:
    macro = text.replace("in_segment('a')", "TRUE").replace("in_segment('b')", "FALSE")
    assert evaluated(text, ONE) == [holds]
    assert in_duckdb(engine, macro, ONE) == [holds]


def test_a_whole_number_beyond_double_precision_is_compared_exactly() -> None:
    rows = pl.DataFrame([{**NOTHING, "f": 2**53 + 1}], schema=SCHEMA)
    assert evaluated("f > 9007199254740992", rows) == [True]


@pytest.mark.parametrize("divisor", ["7", "3.6", "g", "36e8"])
def test_a_division_is_one_rounding_whatever_the_divisor(divisor: str) -> None:
    """Some engines multiply by the reciprocal of a literal, which rounds twice."""
    numbers = range(10**12, 10**12 + 400, 2)
    rows = pl.DataFrame([{**NOTHING, "f": number, "g": 11} for number in numbers], schema=SCHEMA)
    by = 11.0 if divisor == "g" else float(divisor)
    (term,) = evidence_terms(expression(f"f / {divisor} > 1"))
    assert value_of(term.node, table_of(rows), {}).to_list(rows.height) == [number / by for number in numbers]


def test_hours_since_is_one_rounding() -> None:
    ages = range(10**12, 10**12 + 400)
    rows = pl.DataFrame([{**NOTHING, "seen": 5, "tick": 5 + age} for age in ages], schema=SCHEMA)
    (term,) = evidence_terms(expression("hours_since(seen) > 1"))
    assert value_of(term.node, table_of(rows), {}).to_list(rows.height) == [age / 3.6e9 for age in ages]


@pytest.mark.parametrize("text", ["f * 2", "f + f", "f * f", "-(-f - 1) + 1"])
def test_overflow_of_whole_numbers_is_unknown(text: str) -> None:
    rows = pl.DataFrame([{**NOTHING, "f": 2**63 - 1}, {**NOTHING, "f": 1}], schema=SCHEMA)
    assert evaluated(f"{text} > 0", rows) == [None, True]


@pytest.mark.parametrize("height", [0, 1, 3])
@pytest.mark.parametrize("text", ["TRUE", "in_segment('a')", "1 / 0 > 1", "in_segment('b') AND f > 1"])
def test_a_constant_is_as_long_as_the_table(text: str, height: int) -> None:
    rows = pl.DataFrame([{**NOTHING, "f": 3}] * height, schema=SCHEMA)
    assert len(evaluated(text, rows)) == height


@pytest.mark.parametrize("text", ["0.5 <= amount / devices", "1 > CASE WHEN f > 99 THEN g END", "TRUE = (1 < f / g)"])
def test_a_value_that_is_the_same_in_all_rows_keeps_the_length(text: str) -> None:
    rows = pl.DataFrame([{**NOTHING, "f": 2, "g": 0, "amount": 1.0, "devices": 0}] * 3, schema=SCHEMA)
    assert evaluated(text, rows) == [None] * 3


def test_a_missing_membership_is_an_error() -> None:
    with pytest.raises(KeyError):
        holds(parse("in_segment('a')", FEATURES, SEGMENTS), {}, {})
