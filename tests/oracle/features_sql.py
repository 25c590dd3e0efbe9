"""SQL for every feature at every tick, as the definitions say it.

Tables read: `events` (__user, event_id, name, occurred_at, properties; accepted, none reserved), `users` (__user,
forgotten_at), `ticks` (tick) and `grid` (__user, __tick: every tick after the user's first event up to forgotten_at). A
user who comes back after being forgotten is another __user. Times are µs. A tick T knows events with
occurred_at < T only.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.oracle.journeys_sql import known_at_tick, view_column
from tests.oracle.journeys_sql import tables as journey_tables
from tests.oracle.load import value_text
from tests.oracle.rules import ROLLING, UNITS, PlainRules, among, literal, parse_duration, property_sql, quoted

DAY = UNITS["d"]
#: Text that is a number in JSON.
NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"


class Parts(NamedTuple):
    """What one feature adds: tables to create, joins to `grid` (alias g), columns of the row of a user at a tick."""

    tables: list[str]
    joins: list[str]
    columns: list[str]


def rolling(name: str, feature: Mapping[str, Any], minimum: int) -> Parts:
    """The score at every tick, and the percentile of the score at B = floor(T, every) within the population of B."""
    every, window = parse_duration(feature["every"]), parse_duration(feature["window"])
    if feature["kind"] == "rolling_count":
        weight = f"CASE WHEN {among(feature)} THEN 1 ELSE 0 END"
    else:
        cases = "".join(f" WHEN {literal(event)} THEN {int(w)}" for event, w in feature["weights"].items())
        other = int(feature.get("default_weight", 0))
        weight = f"CASE name{cases} ELSE {other} END" if cases else str(other)
    scores, percentiles = quoted(f"scores of {name}"), quoted(f"percentiles of {name}")
    tables = [
        f"""CREATE TABLE {scores} AS
        SELECT e.__user, t.tick AS __tick, sum(e.weight)::BIGINT AS score
        FROM (SELECT __user, occurred_at, {weight} AS weight FROM events) e
        JOIN (SELECT tick, (tick - 1) // {every} * {every} + {every} - {window} AS low FROM ticks) t
          ON t.low <= e.occurred_at AND e.occurred_at < t.tick
        WHERE e.weight > 0 GROUP BY ALL""",
        f"""CREATE TABLE {percentiles} AS
        SELECT __user, __tick AS boundary,
          CASE WHEN n < {minimum} THEN NULL WHEN n = 1 THEN 0e0 ELSE (100 * lower)::DOUBLE / (n - 1) END AS percentile
        FROM (SELECT __user, __tick, count(*) OVER (PARTITION BY __tick) AS n,
                rank() OVER (PARTITION BY __tick ORDER BY score) - 1 AS lower  -- rank: 1 + members with a lower score
              FROM {scores} JOIN users USING (__user)
              WHERE score > 0 AND __tick % {every} = 0 AND __tick < forgotten_at)""",
    ]
    s, p = quoted(f"s {name}"), quoted(f"p {name}")
    joins = [
        f"LEFT JOIN {scores} {s} ON {s}.__user = g.__user AND {s}.__tick = g.__tick",
        f"LEFT JOIN {percentiles} {p} ON {p}.__user = g.__user AND {p}.boundary = g.__tick // {every} * {every}",
    ]
    columns = [f"coalesce({s}.score, 0) AS {quoted(name)}", f"{p}.percentile AS {quoted(f'percentile({name})')}"]
    return Parts(tables, joins, columns)


def _latest_before(name: str, query: str, column: str) -> Parts:
    """A value carried from an instant on: `query` gives (__user, occurred_at, value), an instant once per user."""
    values, v = quoted(f"values of {name}"), quoted(f"v {name}")
    join = f"ASOF LEFT JOIN {values} {v} ON {v}.__user = g.__user AND g.__tick > {v}.occurred_at"
    return Parts([f"CREATE TABLE {values} AS {query}"], [join], [f"{column.format(v=v)} AS {quoted(name)}"])


def attribute(name: str, feature: Mapping[str, Any]) -> Parts:
    """first/last: the value of the least/greatest (occurred_at, event_id); max: of numbers; set: how many values."""
    text = property_sql(feature["property"])
    given = f"SELECT *, {text} AS given FROM events WHERE {among(feature)} AND {text} IS NOT NULL"
    value = "given"
    if feature.get("values") is not None:
        closed = ", ".join(literal(value_text(v)) for v in feature["values"])
        value = f"CASE WHEN given IN ({closed}) THEN given ELSE 'unknown' END"
    of_user = "OVER (PARTITION BY __user ORDER BY occurred_at)"  # from the first instant to this one
    if feature["keep"] == "first":
        query = f"""SELECT __user, min(occurred_at) AS occurred_at, arg_min({value}, (occurred_at, event_id)) AS value
            FROM ({given}) GROUP BY __user"""
        return _latest_before(name, query, "{v}.value")
    if feature["keep"] == "last":
        query = f"SELECT __user, occurred_at, arg_max({value}, event_id) AS value FROM ({given}) GROUP BY ALL"
        return _latest_before(name, query, "{v}.value")
    if feature["keep"] == "max":
        query = f"""SELECT __user, occurred_at, max(n) {of_user} AS value
            FROM (SELECT __user, occurred_at, max(given::DOUBLE) AS n FROM ({given})
                  WHERE regexp_full_match(given, {literal(NUMBER)}) GROUP BY ALL)"""
        return _latest_before(name, query, "{v}.value")
    if feature["keep"] == "set":
        query = f"""SELECT __user, occurred_at, (sum(new) {of_user})::BIGINT AS value
            FROM (SELECT __user, occurred_at, count(*) AS new
                  FROM (SELECT __user, min(occurred_at) AS occurred_at FROM (SELECT *, {value} AS value FROM ({given}))
                        GROUP BY __user, value)
                  GROUP BY ALL)"""
        return _latest_before(name, query, "coalesce({v}.value, 0)")
    raise ValueError(f"feature {name}: keep {feature['keep']!r}")


def recency(name: str, feature: Mapping[str, Any]) -> Parts:
    """The instant of the latest event."""
    query = f"SELECT DISTINCT __user, occurred_at FROM events WHERE {among(feature)}"
    return _latest_before(name, query, "make_timestamp({v}.occurred_at)")


def distinct_days(name: str, feature: Mapping[str, Any]) -> Parts:
    """UTC days with an event; with a window of n days: the day of T - 1 µs and the n - 1 before it."""
    days, d = quoted(f"days of {name}"), quoted(f"d {name}")
    within = (
        f"AND e.day > (t.tick - 1) // {DAY} - {parse_duration(feature['window']) // DAY}" if "window" in feature else ""
    )
    table = f"""CREATE TABLE {days} AS
        SELECT e.__user, t.tick AS __tick, count(*) AS days
        FROM (SELECT __user, occurred_at // {DAY} AS day, min(occurred_at) AS first_at
              FROM events WHERE {among(feature)} GROUP BY ALL) e
        JOIN ticks t ON e.first_at < t.tick {within} GROUP BY ALL"""
    join = f"LEFT JOIN {days} {d} ON {d}.__user = g.__user AND {d}.__tick = g.__tick"
    return Parts([table], [join], [f"coalesce({d}.days, 0) AS {quoted(name)}"])


def parts_of(name: str, feature: Mapping[str, Any], minimum: int) -> Parts:
    """The parts of a feature of any kind but journey."""
    if feature["kind"] in ROLLING:
        return rolling(name, feature, minimum)
    if feature["kind"] == "attribute":
        return attribute(name, feature)
    return recency(name, feature) if feature["kind"] == "recency" else distinct_days(name, feature)


def statements(rules: PlainRules) -> list[str]:
    """Creates `rows`: one row per user and tick with a column for everything a rule text can read."""
    plain = {name: f for name, f in rules.features.items() if f["kind"] != "journey"}
    journeys = {name: f for name, f in rules.features.items() if f["kind"] == "journey"}
    parts = [parts_of(name, feature, rules.minimum) for name, feature in plain.items()]
    result = [table for part in parts for table in part.tables]
    for name, feature in journeys.items():
        result += journey_tables(name, feature)
    columns = ["g.__user", "g.__tick", *(column for part in parts for column in part.columns)]
    joins = [join for part in parts for join in part.joins]
    result.append(f"CREATE TABLE row_parts AS SELECT {', '.join(columns)} FROM grid g {' '.join(joins)}")
    # Journeys are the same per user at all ticks but for what is known yet: a view costs less than 5 M copies.
    known = [known_at_tick(name) for name in journeys]
    inner = f"SELECT r.*{''.join(', ' + k.columns for k in known)} FROM row_parts r {' '.join(k.join for k in known)}"
    structs = "".join(", " + view_column(name, feature) for name, feature in journeys.items())
    own = ", ".join(
        quoted(c) for c in ["__user", "__tick", *(n for name, f in plain.items() for n in _columns(name, f))]
    )
    result.append(f"CREATE VIEW rows AS SELECT {own}{structs} FROM ({inner})")
    return result


def _columns(name: str, feature: Mapping[str, Any]) -> list[str]:
    return [name, f"percentile({name})"] if feature["kind"] in ROLLING else [name]
