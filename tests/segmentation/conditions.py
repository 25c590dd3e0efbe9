"""A set of features, rows of their table, texts of conditions over them, and their answer in ours and in DuckDB."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import polars as pl
from hypothesis import strategies as st

from segmentation.expressions import Expression, Table, Values, holds, parse
from segmentation.features.attributes import Attribute
from segmentation.features.distinct_days import DistinctDays
from segmentation.features.journey_steps import JourneyStep
from segmentation.features.journeys import JOURNEY_STATUSES, Journey
from segmentation.features.kind import Feature
from segmentation.features.recency import Recency
from segmentation.features.rolling import RollingCount, RollingScore
from segmentation.units import DAY, HOUR

FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        RollingScore("f", 7 * DAY, HOUR, {"a": 1}),
        RollingCount("g", DAY, HOUR),
        Journey("j", "signup", (JourneyStep("done"),)),
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


MEMBERS = {"a": True, "b": False}


def in_duckdb(engine: duckdb.DuckDBPyConnection, text: str, rows: pl.DataFrame) -> list[bool | None]:
    engine.register("given", rows.to_arrow())
    engine.execute(VIEW)
    return [row[0] for row in engine.execute(f"SELECT ({text}) AS holds FROM users").fetchall()]


def table_of(rows: pl.DataFrame) -> Table:
    """Rows as conditions read them; what stands in place of a NULL must not matter."""
    table = {}
    for name, kind in rows.schema.items():
        column = rows[name]
        if kind == pl.String:
            words = column.unique().drop_nulls().to_list()
            codes = [-1 if word is None else words.index(word) for word in column]
            table[name] = Values.strings(words, np.array(codes, np.int64))
        else:
            data = column.fill_null(-(2**62)).to_numpy()
            table[name] = Values.unless(column.is_null().to_numpy(), data)
    return table


def evaluated(text: str, rows: pl.DataFrame) -> list[bool | None]:
    return holds(parse(text, FEATURES, SEGMENTS), table_of(rows), MEMBERS).to_list(rows.height)


def expression(text: str) -> Expression:
    """The condition, checked against `FEATURES`."""
    return parse(text, FEATURES, SEGMENTS)


NOTHING: dict[str, Any] = dict.fromkeys(SCHEMA)
ONE = pl.DataFrame([{**NOTHING, "f": 0, "g": 1, "plan": "pro", "amount": 0.0, "tick": HOUR}], schema=SCHEMA)

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
