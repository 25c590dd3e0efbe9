"""The oracle: loads an event log, evaluates the rules at every tick in DuckDB, gives memberships and changes."""

import hashlib
import hmac
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tests.oracle import features_sql, membership_sql
from tests.oracle.load import Row, jsonl_rows, to_row, to_table
from tests.oracle.rules import RESERVED, PlainRules, literal

Event = Mapping[str, Any]
DEDUP_WINDOW = 24 * 3_600_000_000
#: user_id, segment, entered (tick in µs), left (tick in µs, None: still in at the last tick)
Interval = tuple[str, str, int, int | None]

KEPT = f"""CREATE TABLE kept AS
    WITH RECURSIVE chain AS (
      SELECT user_id, event_id, min(occurred_at) AS occurred_at FROM given GROUP BY ALL
      UNION ALL
      SELECT g.user_id, g.event_id, min(g.occurred_at) FROM chain c
      JOIN given g ON g.user_id = c.user_id AND g.event_id = c.event_id
        AND g.occurred_at > c.occurred_at + {DEDUP_WINDOW}
      GROUP BY ALL)
    SELECT DISTINCT event_id, user_id, name, occurred_at, properties
    FROM chain JOIN given USING (user_id, event_id, occurred_at)"""
AMBIGUOUS = "SELECT user_id, event_id, occurred_at FROM kept GROUP BY ALL HAVING count(*) > 1"


class Change(NamedTuple):
    """A settled change; `effective_at` in µs, `memberships` sorted by name, after this change."""

    change_id: str
    subject_id: str
    user_id: str
    segment: str
    action: str
    effective_at: int
    sequence: int
    memberships: tuple[str, ...]


class Oracle:
    """Load events (as often as needed), then ask. Asking with another `until` evaluates anew."""

    def __init__(self, rules_path: Path | str, *, state_key: bytes, publish_key: bytes) -> None:
        self.rules = PlainRules(Path(rules_path))
        self._keys = state_key, publish_key
        self._spill = tempfile.TemporaryDirectory(prefix="oracle-")
        self.connection = duckdb.connect()
        self.connection.execute("SET threads=2; SET memory_limit='4GB'")
        # x / 0 is NULL, neither infinite nor an error.
        self.connection.execute("SET ieee_floating_point_ops=false; SET error_on_division_by_zero=false")
        self.connection.execute(f"SET temp_directory={literal(self._spill.name)}; SET preserve_insertion_order=false")
        self.connection.execute(
            "CREATE TABLE raw (event_id VARCHAR, user_id VARCHAR, name VARCHAR, occurred_at BIGINT, properties JSON)"
        )
        self.connection.execute("CREATE VIEW given AS SELECT * FROM raw WHERE name <> 'heartbeat'")
        self._evaluated: tuple[int | None] | None = None

    def load_events(self, events: "str | Path | Iterable[Event | Path]", *, now: int | None = None) -> None:
        """Adds events: dicts (ValueError where one is malformed), JSONL path(s) (malformed lines left out) or a SELECT.

        A SELECT (a str) gives event_id, user_id, name, occurred_at (µs), properties (JSON object of strings). `now` is
        the clock of the run in µs for JSONL.
        """
        if isinstance(events, str):
            self.connection.execute(f"INSERT INTO raw BY NAME {events}")
        elif isinstance(events, Path):
            self._insert(jsonl_rows([events], now))
        else:
            listed: list[Any] = list(events)
            paths = [event for event in listed if isinstance(event, Path)]
            self._insert(jsonl_rows(paths, now) if paths else map(to_row, listed))
        self._evaluated = None

    def _insert(self, rows: Iterable[Row]) -> None:
        self.connection.register("incoming", to_table(rows))
        self.connection.execute("INSERT INTO raw SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def accepted(self) -> list[tuple[str, str, str, int]]:
        """(user_id, event_id, name, occurred_at) of every event that is accepted, heartbeats aside, in that order."""
        self._accept()
        query = "SELECT user_id, event_id, name, occurred_at FROM kept ORDER BY user_id, event_id, occurred_at"
        return self.connection.execute(query).fetchall()

    def _accept(self) -> None:
        """Raises ValueError where only the tie-break by content could tell which of two events is accepted."""
        self.connection.execute(KEPT.replace("CREATE TABLE", "CREATE OR REPLACE TABLE"))
        if tied := self.connection.execute(AMBIGUOUS).fetchall():
            raise ValueError(f"same user, id and time but other content: {tied[:3]}")

    def evaluate(self, until: int | None = None) -> None:
        """Settles every tick up to the last: the first after all events, or the last one that is <= `until` (µs)."""
        if self._evaluated == (until,):
            return
        self._clear()
        self._accept()
        self._frame(until)
        for statement in features_sql.statements(self.rules):
            self.connection.execute(statement)
        for number in range(len(self.rules.units)):
            self.connection.execute(membership_sql.conditions(self.rules, number))
            self.connection.execute(membership_sql.states(self.rules, number))
            self.connection.execute(f"DROP TABLE conditions_{number}")
        self.connection.execute(membership_sql.memberships(self.rules))
        self._pseudonyms()
        self.connection.execute(membership_sql.changes(self.rules))
        self._evaluated = (until,)

    def _clear(self) -> None:
        query = "SELECT table_name, table_type FROM information_schema.tables WHERE table_name NOT IN ('raw', 'given')"
        for name, kind in self.connection.execute(query).fetchall():
            self.connection.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} "{name}"')

    def _frame(self, until: int | None) -> None:
        """Creates users (a row for each of their lives), events that features count, ticks and the grid of both."""
        tick = self.rules.tick
        last = f"(max(occurred_at) // {tick} + 1) * {tick}" if until is None else f"{until // tick * tick}"
        seen = "SELECT occurred_at FROM kept UNION ALL SELECT occurred_at FROM raw WHERE name = 'heartbeat'"
        reserved = ", ".join(map(literal, RESERVED))
        for statement in (
            f"CREATE TABLE lived AS {self._lived()}",
            """CREATE TABLE users AS SELECT row_number() OVER (ORDER BY user_id, life)::INTEGER AS __user, *
               FROM (SELECT user_id, life, min(occurred_at) AS first_at, max(forgotten_at) AS forgotten_at FROM lived
                     GROUP BY user_id, life)""",
            f"""CREATE TABLE events AS SELECT __user, event_id, name, occurred_at, properties
                FROM lived JOIN users USING (user_id, life) WHERE name NOT IN ({reserved})""",
            f"""CREATE TABLE ticks AS SELECT unnest(range(first, last + {tick}, {tick})) AS tick FROM (
                SELECT (min(occurred_at) // {tick} + 1) * {tick} AS first, {last} AS last FROM ({seen}))""",
            """CREATE TABLE grid AS SELECT __user, tick AS __tick FROM users
               JOIN ticks ON first_at < tick AND tick < forgotten_at""",
        ):
            self.connection.execute(statement)

    def _lived(self) -> str:
        """The accepted events, each with the life of its user (from 0) and the tick at which that would be forgotten if
        no other event came.

        A user who is forgotten begins again: a new life starts with an event that counts after the tick at which the
        one before had been idle for long enough.
        """
        tick, after = self.rules.tick, self.rules.forget_after
        if after is None:
            return "SELECT *, 0 AS life, 9223372036854775807 AS forgotten_at FROM kept"
        return f"""
            WITH idle AS (SELECT *, (occurred_at + {after} + {tick} - 1) // {tick} * {tick} AS forgotten_at FROM kept),
            after AS (SELECT *, (occurred_at // {tick} + 1) * {tick}
                  > coalesce(lag(forgotten_at) OVER of_user, 9223372036854775807) AS begins
                FROM idle WINDOW of_user AS (PARTITION BY user_id ORDER BY occurred_at, event_id))
            SELECT * EXCLUDE begins, sum(begins::INTEGER) OVER (
                PARTITION BY user_id ORDER BY occurred_at, event_id)::INTEGER AS life FROM after"""

    def _pseudonyms(self) -> None:
        self.connection.execute("CREATE TABLE subjects (user_id VARCHAR, subject_id VARCHAR)")
        users = [user for (user,) in self.connection.execute("SELECT DISTINCT user_id FROM users").fetchall()]
        subjects = [self.subject_id(user) for user in users]
        self.connection.execute(
            "INSERT INTO subjects SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])", [users, subjects]
        )

    def subject_id(self, user_id: str) -> str:
        """The pseudonym under which a user is published."""
        state_key, publish_key = self._keys
        internal = hmac.digest(state_key, user_id.encode(), hashlib.sha256)
        return "s1." + hmac.digest(publish_key, internal, hashlib.sha256).hex()[:32]

    def ticks(self, until: int | None = None) -> list[int]:
        """Every tick in µs, in order."""
        self.evaluate(until)
        return [tick for (tick,) in self.connection.execute("SELECT tick FROM ticks ORDER BY tick").fetchall()]

    def memberships_at_every_tick(self, until: int | None = None) -> duckdb.DuckDBPyRelation:
        """A relation (user_id, segment, tick in µs): a row for each tick at which the user is in the segment."""
        self.evaluate(until)
        return self.connection.sql("SELECT user_id, segment, __tick AS tick FROM memberships JOIN users USING (__user)")

    def membership_intervals(self, until: int | None = None) -> set[Interval]:
        """The same as half-open intervals."""
        self.evaluate(until)
        query = """SELECT user_id, segment, effective_at, ended FROM (
              SELECT *, lead(effective_at) OVER (PARTITION BY user_id, segment ORDER BY effective_at) AS ended
              FROM changes)
            WHERE action = 'ENTERED'"""
        return set(self.connection.execute(query).fetchall())

    def settled_changes(self, until: int | None = None) -> list[Change]:
        """All changes, ordered by (effective_at, user_id, sequence)."""
        self.evaluate(until)
        query = """SELECT change_id, subject_id, user_id, segment, action, effective_at, sequence FROM changes
            ORDER BY effective_at, user_id, sequence"""
        result, held = [], dict[str, set[str]]()
        for row in self.connection.execute(query).fetchall():
            change_id, subject_id, user_id, segment, action, effective_at, sequence = row
            current = held.setdefault(user_id, set())
            (current.add if action == "ENTERED" else current.remove)(segment)
            after = tuple(sorted(current))
            result.append(Change(change_id, subject_id, user_id, segment, action, effective_at, sequence, after))
        return result

    def explain(self, user_id: str, tick: int, until: int | None = None) -> dict[str, Any]:
        """Every column that a rule text reads, for one user at one tick (µs); empty where the user isn't known yet."""
        self.evaluate(until)
        tables = map(membership_sql.unit_name, range(len(self.rules.units)))
        units = " ".join(f"JOIN {table} USING (__user, __tick)" for table in tables)
        query = f"SELECT * FROM rows {units} JOIN users USING (__user) WHERE user_id = ? AND __tick = ?"
        cursor = self.connection.execute(query, [user_id, tick])
        names = [column[0] for column in cursor.description or []]
        row = cursor.fetchone()
        return {} if row is None else {n: v for n, v in zip(names, row, strict=True) if n not in ("__user", "first_at")}
