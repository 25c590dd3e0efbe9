"""Conditions: the same three-valued answer from Polars and from DuckDB for the same text, and what is read off them."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.expressions import (
    EvidenceTerm,
    Expression,
    ExpressionError,
    age_thresholds,
    columns_read,
    evidence_terms,
    features_read,
    parse,
    percentile_thresholds,
    segments_read,
    to_polars,
)
from segmentation.expressions.rendering import render
from segmentation.expressions.syntax import RESERVED_WORDS, is_plain_name
from segmentation.feature_kinds import (
    JOURNEY_STATUSES,
    Attribute,
    DistinctDays,
    Feature,
    Journey,
    Recency,
    RollingCount,
    RollingScore,
    Step,
)
from segmentation.units import DAY, HOUR

FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        RollingScore("f", 7 * DAY, HOUR, {"a": 1}),
        RollingCount("g", DAY, HOUR),
        Journey("j", "signup", (Step("done"),)),
        Attribute("plan", "plan", "last"),
        Attribute("source", "source", "first", ("organic", "paid")),
        Attribute("amount", "amount", "max"),
        Attribute("devices", "device", "set"),
        Recency("seen"),
        DistinctDays("days"),
    )
}
SEGMENTS = ("a", "b")

SCHEMA: Mapping[str, type[pl.DataType]] = {
    "f": pl.Int64,
    "g": pl.Int64,
    "percentile(f)": pl.Float64,
    "percentile(g)": pl.Float64,
    "j.status": pl.String,
    "j.started_at": pl.Int64,
    "j.completed_at": pl.Int64,
    "j.time_to_complete": pl.Int64,
    "j.steps_done": pl.Int64,
    "plan": pl.String,
    "source": pl.String,
    "amount": pl.Float64,
    "devices": pl.Int64,
    "seen": pl.Int64,
    "days": pl.Int64,
    "tick": pl.Int64,
}

# f is even and g odd in every row, so that the macro can tell whose percentile is asked for.
VIEW = """
CREATE OR REPLACE TEMP VIEW users AS SELECT
    f, g, plan, source, amount, devices, days, "percentile(f)" AS p_f, "percentile(g)" AS p_g,
    make_timestamp(seen) AS seen, make_timestamp(tick) AS tick,
    {'status': "j.status", 'started_at': make_timestamp("j.started_at"),
     'completed_at': make_timestamp("j.completed_at"), 'time_to_complete': to_microseconds("j.time_to_complete"),
     'steps_done': "j.steps_done"} AS j
FROM given
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET ieee_floating_point_ops = false; SET error_on_division_by_zero = false")
    connection.execute("CREATE MACRO percentile(x) AS CASE WHEN x % 2 = 0 THEN p_f ELSE p_g END")
    connection.execute("CREATE MACRO hours_since(x) AS (epoch_us(tick) - epoch_us(x)) / 3.6e9")
    connection.execute("CREATE MACRO in_segment(x) AS x = 'a'")
    yield connection
    connection.close()


MEMBERS = {"a": True, "b": False}


def in_duckdb(engine: duckdb.DuckDBPyConnection, text: str, rows: pl.DataFrame) -> list[bool | None]:
    engine.register("given", rows.to_arrow())
    engine.execute(VIEW)
    return [row[0] for row in engine.execute(f"SELECT ({text}) AS holds FROM users").fetchall()]


def in_polars(text: str, rows: pl.DataFrame) -> list[bool | None]:
    return rows.select(holds=to_polars(parse(text, FEATURES, SEGMENTS), MEMBERS))["holds"].to_list()


# --- rows

_TIMES = st.integers(0, 400).map(lambda n: n * HOUR // 4)
_ROW = st.fixed_dictionaries(
    {
        "f": st.integers(-4, 8).map(lambda n: n * 2),
        "g": st.integers(-4, 8).map(lambda n: n * 2 + 1),
        "percentile(f)": st.none() | st.sampled_from([0.0, 12.5, 80.0, 100.0, 100 / 3]),
        "percentile(g)": st.none() | st.floats(0, 100),
        "j.status": st.sampled_from(JOURNEY_STATUSES),
        "j.started_at": st.none() | _TIMES,
        "j.completed_at": st.none() | _TIMES,
        "j.time_to_complete": st.none() | _TIMES,
        "j.steps_done": st.integers(0, 3),
        "plan": st.none() | st.sampled_from(["", "pro", "it's", "ü", "Pro"]),
        "source": st.none() | st.sampled_from(["organic", "paid", "unknown"]),
        "amount": st.none() | st.sampled_from([0.0, -0.0, -1.5, 0.1, 0.5, 3.0, 1e6]),
        "devices": st.integers(0, 3),
        "seen": st.none() | _TIMES,
        "days": st.integers(0, 5),
        "tick": _TIMES.map(lambda time: time + HOUR),
    }
)
ROWS = st.lists(_ROW, min_size=1, max_size=6).map(lambda rows: pl.DataFrame(rows, schema=SCHEMA))

# --- texts: a capital word stands for any of its texts; a longer one goes into parentheses where it is used

LEAVES: Mapping[str, tuple[str, ...]] = {
    "WHOLE": tuple(map(str, range(13))),
    "DECIMAL": ("0.1", "0.5", "1.0", "2.50", "80.0", "12.5", "33.333333333", "1000000.0", "-0.5", "-7.0"),
    "EXPONENT": ("5e-1", "1e0", "0e0", "1.5E+1", "1e6", "3e-3", "-2e0"),
    "SIGNED": ("1", "-1", "0", "3", "2.50", "-0.5", "8.0", "80", "1e0", "-15e-1"),
    "TEXT": ("''", "'pro'", "'Pro'", "'it''s'", "'ü'", "'z'"),
    "INTERVALS": ("INTERVAL '24' HOUR", "INTERVAL 90 MINUTES", "interval '1' day", "INTERVAL '1.5' SECOND"),
    "INT": ("f", "g", "j.steps_done", "devices", "days", "0", "1", "2", "7"),
    "DOUBLE": ("percentile(f)", "percentile(g)", "hours_since(seen)", "hours_since(j.started_at)", "amount", "5e-1"),
    "TIME": ("seen", "j.started_at", "j.completed_at"),
    "SPAN": ("j.time_to_complete", "INTERVAL '24' HOUR", "INTERVAL '-2' HOURS", "INTERVAL '0.25' SECOND"),
    "STRING": ("plan", "'pro'", "'it''s'"),
    "STATUS": tuple(f"'{status}'" for status in JOURNEY_STATUSES),
    "SOURCE": ("'organic'", "'paid'", "'unknown'"),
    "BOOL": ("TRUE", "FALSE"),
    "OP": ("=", "<>", "!=", "<", "<=", ">", ">="),
    "EQ": ("=", "<>"),
    "NULL": ("IS NULL", "IS NOT NULL"),
    "IF": ("TRUE", "FALSE", "in_segment('a')", "in_segment('b')", "plan = 'pro'", "percentile(f) > 50", "f >= g"),
}
PATTERNS: Mapping[str, tuple[str, ...]] = {
    "INT": (
        "INT + INT",
        "INT - INT",
        "INT * INT",
        "- INT",
        "INT + INT * INT",
        "INT - INT - INT",
        "CASE WHEN IF THEN INT ELSE INT END",
        "CASE WHEN IF THEN INT END",
    ),
    "DOUBLE": (
        "DOUBLE + NUMBER",
        "NUMBER - DOUBLE",
        "DOUBLE * NUMBER",
        "NUMBER / NUMBER",
        "INT / INT / INT",
        "NUMBER / INT * DOUBLE",
        "DOUBLE + INT / NUMBER - DOUBLE",
        "- DOUBLE",
        "CASE WHEN IF THEN DOUBLE WHEN IF THEN NUMBER ELSE NUMBER END",
    ),
    "NUMBER": ("INT", "DOUBLE", "DECIMAL", "EXPONENT"),
    "SPAN": ("TIME - TIME", "SPAN + SPAN", "SPAN - SPAN", "- SPAN", "TIME - TIME + SPAN"),
    "TIME": ("TIME + SPAN", "TIME - SPAN", "SPAN + TIME"),
    "STRING": ("CASE WHEN IF THEN STRING ELSE STRING END",),
    "IF": (
        "NUMBER OP NUMBER",
        "INT OP DECIMAL",
        "DECIMAL OP INT",
        "STRING OP STRING",
        "SPAN OP SPAN",
        "TIME OP TIME",
        "j.status EQ STATUS",
        "SOURCE EQ source",
        "source NOT IN ( SOURCE , SOURCE )",
        "NUMBER IN ( SIGNED , SIGNED , SIGNED )",
        "NUMBER NOT IN ( WHOLE )",
        "STRING IN ( TEXT , TEXT )",
        "plan NOT IN ( TEXT )",
        "SPAN IN ( INTERVALS , INTERVALS )",
        "IF IN ( BOOL )",
        "NUMBER NULL",
        "STRING NULL",
        "TIME NULL",
        "SPAN NULL",
        "IF NULL",
        "NUMBER BETWEEN NUMBER AND NUMBER",
        "TIME NOT BETWEEN TIME AND TIME",
        "IF EQ IF",
        "CASE WHEN IF THEN IF ELSE IF END",
        "CASE WHEN IF THEN IF END",
        "NOT IF",
        "IF AND IF",
        "IF OR IF",
        "IF AND IF OR IF AND NOT IF",
        "NOT NUMBER OP NUMBER",
        "NUMBER OP NUMBER AND plan NULL OR NOT STRING OP STRING",
    ),
}


@st.composite
def texts(draw: st.DrawFn, symbol: str, depth: int) -> str:
    """A text of the symbol; at depth 0 a leaf."""
    if symbol not in PATTERNS or (depth <= 0 and symbol in LEAVES):
        return draw(st.sampled_from(LEAVES[symbol]))
    pattern = draw(st.sampled_from(PATTERNS[symbol])).split()
    parts = [
        draw(texts(word, depth - 1 if len(pattern) > 1 else depth)) if word in LEAVES or word in PATTERNS else word
        for word in pattern
    ]
    if len(parts) == 1:
        return parts[0]
    return " ".join(_operand(word, part) for word, part in zip(pattern, parts, strict=True))


def _operand(word: str, part: str) -> str:
    """In parentheses where it is not a leaf; whole numbers not always, so that precedence matters."""
    leaf = part in LEAVES.get(word, ()) and " " not in part.removeprefix("INTERVAL ")
    bare = word not in PATTERNS or leaf or (word == "INT" and part.startswith("("))
    return part if bare else f"({part})"


CONDITIONS = texts("IF", 3)


@settings(max_examples=400, deadline=None)
@given(text=CONDITIONS, rows=ROWS)
def test_polars_and_duckdb_agree_on_any_condition(
    engine: duckdb.DuckDBPyConnection, text: str, rows: pl.DataFrame
) -> None:
    assert in_polars(text, rows) == in_duckdb(engine, text, rows)


@settings(max_examples=200, deadline=None)
@given(text=CONDITIONS)
def test_the_rendered_text_means_the_same(text: str) -> None:
    root = parse(text, FEATURES, SEGMENTS).root
    assert parse(render(root), FEATURES, SEGMENTS).root == root


@settings(max_examples=200, deadline=None)
@given(text=CONDITIONS, rows=ROWS)
def test_only_the_columns_read_are_needed_and_every_analysis_ends(text: str, rows: pl.DataFrame) -> None:
    expression = parse(text, FEATURES, SEGMENTS)
    needed = rows.select(sorted(columns_read(expression)) or ["f"])
    assert needed.select(holds=to_polars(expression, MEMBERS)).height == rows.height
    for term in evidence_terms(expression):
        assert needed.select(value=term.value).height in (1, rows.height)
    assert percentile_thresholds(expression).keys() <= features_read(expression)
    assert age_thresholds(expression).keys() <= SCHEMA.keys()
    assert segments_read(expression) <= set(SEGMENTS)


# --- single definitions, against DuckDB too

NOTHING: dict[str, Any] = dict.fromkeys(SCHEMA)
ONE = pl.DataFrame([{**NOTHING, "f": 0, "g": 1, "plan": "pro", "amount": 0.0, "tick": HOUR}], schema=SCHEMA)


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
    assert in_polars(text, ONE) == [holds]
    assert in_duckdb(engine, macro, ONE) == [holds]


def test_a_whole_number_beyond_double_precision_is_compared_exactly() -> None:
    rows = pl.DataFrame([{**NOTHING, "f": 2**53 + 1}], schema=SCHEMA)
    assert in_polars("f > 9007199254740992", rows) == [True]


@pytest.mark.parametrize("divisor", ["7", "3.6", "g", "36e8"])
def test_a_division_is_one_rounding_whatever_the_divisor(divisor: str) -> None:
    """Polars multiplies by the reciprocal of a literal, which rounds twice."""
    numbers = range(10**12, 10**12 + 400, 2)
    rows = pl.DataFrame([{**NOTHING, "f": number, "g": 11} for number in numbers], schema=SCHEMA)
    by = 11.0 if divisor == "g" else float(divisor)
    (term,) = evidence_terms(expression(f"f / {divisor} > 1"))
    assert rows.select(term.value).to_series().to_list() == [number / by for number in numbers]


def test_hours_since_is_one_rounding() -> None:
    ages = range(10**12, 10**12 + 400)
    rows = pl.DataFrame([{**NOTHING, "seen": 5, "tick": 5 + age} for age in ages], schema=SCHEMA)
    (term,) = evidence_terms(expression("hours_since(seen) > 1"))
    assert rows.select(term.value).to_series().to_list() == [age / 3.6e9 for age in ages]


@pytest.mark.parametrize("text", ["f * 2", "f + f", "f * f", "-(-f - 1) + 1"])
def test_overflow_of_whole_numbers_is_unknown(text: str) -> None:
    rows = pl.DataFrame([{**NOTHING, "f": 2**63 - 1}, {**NOTHING, "f": 1}], schema=SCHEMA)
    assert in_polars(f"{text} > 0", rows) == [None, True]


@pytest.mark.parametrize("height", [0, 1, 3])
@pytest.mark.parametrize("text", ["TRUE", "in_segment('a')", "1 / 0 > 1", "in_segment('b') AND f > 1"])
def test_a_constant_is_as_long_as_the_table(text: str, height: int) -> None:
    rows = pl.DataFrame([{**NOTHING, "f": 3}] * height, schema=SCHEMA)
    assert len(in_polars(text, rows)) == height


def test_a_missing_membership_is_an_error() -> None:
    with pytest.raises(KeyError):
        to_polars(parse("in_segment('a')", FEATURES, SEGMENTS), {})


# --- errors


def faults(text: str) -> list[str]:
    with pytest.raises(ExpressionError) as error:
        parse(text, FEATURES, SEGMENTS)
    return [f"{fault.line}:{fault.column}: {fault.message}" for fault in error.value.faults]


def test_all_errors_are_found_in_one_go_with_line_and_column() -> None:
    found = faults("ff > 1\n  AND plna = 'x' OR\nsource = 'piad' AND f = 'x'")
    assert [fault.split("; ")[0] for fault in found] == [
        "1:1: unknown feature 'ff'",
        "2:7: unknown feature 'plna'",
        "3:10: source is never 'piad'",
        "3:25: cannot compare INTEGER with STRING",
    ]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "1:1: the condition is empty"),
        ("f", "1:1: the condition must be BOOLEAN"),
        ("f > 1 f < 2", "1:7: unexpected 'f'"),
        ("F > 1", "1:1: unknown feature 'F'; did you mean 'f'?"),
        ("f > 1_000", "1:5: expected a number such as"),
        ("f > .5", "1:6: expected a number such as"),
        ("f > 5.", "1:5: '5.' is not a number of the grammar"),
        ("f > 0x1F", "1:6: unexpected 'x1F'"),
        ("f > 9223372036854775808", "1:5: 9223372036854775808 does not fit"),
        ("amount > 0.1234567890123456", "1:10: 0.1234567890123456 has more than 15"),
        ("f * 0.5 > 1", "1:5: INTEGER * DECIMAL"),
        ("0.5 + 0.5 > f", "1:7: DECIMAL + DECIMAL"),
        ("CASE WHEN f > 1 THEN 0.5 ELSE 1 END > 1", "1:1: a CASE of decimals"),
        ("plan = e'a'", "1:8: a string with escapes"),
        ("plan = $$a$$", "1:8: a string in dollar quotes"),
        ("f = 1 /* no */", "1:5: no comments"),
        ("f IN (1,)", "1:8: expected a value after ','"),
        ("f IN ()", "1:1: IN needs at least one literal"),
        ("f IN (g)", "1:7: IN takes literals only"),
        ("f = (1, 2)", "1:6: a list in parentheses"),
        ("f ISNULL", "1:3: ISNULL is not in the grammar"),
        ("!in_segment('a')", "1:1: '!' is not in the grammar"),
        ("percentile(f) OVER () > 1", "1:1: OVER is not in the grammar"),
        ("percentile(DISTINCT f) > 1", "1:21: percentile() takes the name of a feature"),
        ("a.b.f = 1", "1:1: a name of more than two parts"),
        ("plan.x = 1", "1:1: 'plan' has the kind attribute and no fields"),
        ("j.status = 'done' OR f > g > 1", "1:12: j.status is never 'done'"),
        ("in_segment(a)", "1:12: in_segment() takes the name of a segment in single quotes"),
        ("in_segment('a', 'b')", "1:1: in_segment() takes one argument, found 2"),
        ("seen > TIMESTAMP '2026-01-01'", "1:18: a cast is not in the grammar"),
        ("seen + 1 > seen", "1:8: TIMESTAMP + INTEGER is undefined"),
        ("j.time_to_complete * 2 > INTERVAL '1' DAY", "1:22: INTERVAL * INTEGER is undefined"),
        ("hours_since(seen + INTERVAL '1' DAY) > 1", "1:13: hours_since() takes the name of a feature"),
        ("INTERVAL '1' YEAR < j.time_to_complete", "1:1: YEAR is not a fixed unit"),
        ("INTERVAL '9999999' DAY < j.time_to_complete", "1:1: INTERVAL '9999999' DAY is longer than"),
        ("f = 1 IS NULL IS NULL", "1:"),
        ("(" * 21 + "TRUE" + ")" * 21, "1:21: nested deeper than 20 levels"),
        ("CASE WHEN " * 21 + "TRUE" + " THEN TRUE END" * 21, "1:201: nested deeper than 20 levels"),
        ("+".join(["f"] * 60) + " > 1", "1:1: nested deeper than 50 levels"),
        ("NOT " * 5000 + "TRUE", "1:1: the condition is nested too deeply"),
        ("plan = 'x", "1:8: the text that starts here has no closing '"),
    ],
)
def test_what_is_outside_of_the_grammar(text: str, start: str) -> None:
    assert faults(text)[0].startswith(start)


def test_twenty_levels_are_allowed() -> None:
    assert in_polars("(" * 20 + "f = 0" + ")" * 20, ONE) == [True]
    assert in_polars("CASE WHEN " * 20 + "f = 0" + " THEN TRUE END" * 20, ONE) == [True]


def test_a_long_chain_is_no_deep_nesting() -> None:
    assert in_polars(" AND ".join(["f = 0"] * 500), ONE) == [True]


def test_six_references_are_allowed_and_seven_are_not() -> None:
    names = [f"s{number}" for number in range(7)]
    text = " OR ".join(f"in_segment('{name}') AND NOT in_segment('{name}')" for name in names[:6])
    assert segments_read(parse(text, FEATURES, names)) == set(names[:6])
    with pytest.raises(ExpressionError, match="at most 6 different"):
        parse(f"{text} OR in_segment('s6')", FEATURES, names)


def test_no_accepted_name_of_a_feature_is_a_keyword_that_duckdb_refuses(engine: duckdb.DuckDBPyConnection) -> None:
    rows = engine.execute("SELECT keyword_name, keyword_category FROM duckdb_keywords()").fetchall()
    refused = {name for name, category in rows if category in ("reserved", "type_function")}
    assert refused <= RESERVED_WORDS
    for name in {name for name, _ in rows if is_plain_name(name)}:
        assert engine.execute(f"SELECT {name} = 1 AND {name} IS NOT NULL FROM (SELECT 1 AS {name})").fetchall()
        assert engine.execute(f"SELECT {name}.status FROM (SELECT {{'status': 1}} AS {name})").fetchall()


# --- what is read off a condition


def expression(text: str) -> Expression:
    return parse(text, FEATURES, SEGMENTS)


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
    assert rows.select(value=term.value)["value"].to_list() == [3.0]


def test_evidence_of_a_comparison_that_depends_on_a_membership_names_the_membership() -> None:
    terms = evidence_terms(expression("CASE WHEN in_segment('a') THEN f ELSE 0 END > 1"))
    assert [term.name for term in terms] == ["in_segment(a)"]
