"""What the tests of conditions share."""

from collections.abc import Iterator

import duckdb
import pytest


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB that divides and calls functions as the rules define it."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET ieee_floating_point_ops = false; SET error_on_division_by_zero = false")
    connection.execute("CREATE MACRO percentile(x) AS CASE WHEN x % 2 = 0 THEN p_f ELSE p_g END")
    connection.execute("CREATE MACRO hours_since(x) AS (epoch_us(tick) - epoch_us(x)) / 3.6e9")
    connection.execute("CREATE MACRO in_segment(x) AS x = 'a'")
    yield connection
    connection.close()
