"""Conditions outside of the grammar or of the wrong types: every error, with its place."""

import duckdb
import pytest

from segmentation.expressions import ExpressionError, parse, segments_read
from segmentation.expressions.syntax import RESERVED_WORDS, is_plain_name
from tests.segmentation.conditions import FEATURES, ONE, SEGMENTS, evaluated


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
    assert evaluated("(" * 20 + "f = 0" + ")" * 20, ONE) == [True]
    assert evaluated("CASE WHEN " * 20 + "f = 0" + " THEN TRUE END" * 20, ONE) == [True]


def test_a_long_chain_is_no_deep_nesting() -> None:
    assert evaluated(" AND ".join(["f = 0"] * 500), ONE) == [True]


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
