"""Compares settled changes with the oracle's, and two logs of changes with each other."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from tests.acceptance.driving import KEYS
from tests.oracle.duck import Oracle
from tests.oracle.load import instant


class Settled(NamedTuple):
    """What the oracle says of a change."""

    change_id: str
    subject_id: str
    segment: str
    action: str
    effective_at: int
    sequence: int
    memberships: tuple[str, ...]


def oracle_for(rules: Path) -> Oracle:
    """An oracle with the keys of these tests."""
    return Oracle(rules, state_key=KEYS.state, publish_key=KEYS.publish)


def of_frame(changes: pl.DataFrame) -> list[Settled]:
    """The changes of a frame in the order of its rows."""
    return [_settled(row, json.loads(row["memberships"])) for row in changes.iter_rows(named=True)]


def of_file(path: Path) -> list[Settled]:
    """The changes of a JSONL file in the order of its lines."""
    return [_settled(record, record["memberships"]) for record in _records(path)]


def without_emission(path: Path) -> list[str]:
    """The lines of a JSONL file of changes without ``emitted_at``, sorted."""
    return sorted(json.dumps({k: v for k, v in record.items() if k != "emitted_at"}) for record in _records(path))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def _settled(row: Mapping[str, Any], memberships: Iterable[str]) -> Settled:
    known = {**row, "effective_at": instant(row["effective_at"]), "memberships": tuple(memberships)}
    return Settled(**{name: known[name] for name in Settled._fields})


def assert_equals_oracle(changes: list[Settled], oracle: Oracle, until: int | None = None) -> None:
    """Every change, and who is in which segment at every tick."""
    expected = {Settled(*(getattr(c, name) for name in Settled._fields)) for c in oracle.settled_changes(until)}
    found = set(changes)
    assert len(found) == len(changes), "a change is there twice"
    missing, extra = sorted(expected - found, key=_when)[:5], sorted(found - expected, key=_when)[:5]
    assert found == expected, f"missing {missing}\nextra {extra}"
    _assert_memberships(changes, oracle, until)


def _when(change: Settled) -> tuple[int, str, int]:
    return change.effective_at, change.subject_id, change.sequence


def _assert_memberships(changes: list[Settled], oracle: Oracle, until: int | None) -> None:
    theirs = oracle.memberships_at_every_tick(until)
    mine = [(c.subject_id, c.segment, c.effective_at, 1 if c.action == "ENTERED" else -1) for c in changes]
    columns = ["subject_id", "segment", "tick", "step"]
    oracle.connection.register(
        "product_changes", pl.DataFrame(mine, schema=columns, orient="row", schema_overrides=_TYPES)
    )
    theirs.create_view("oracle_memberships", replace=True)
    differing = oracle.connection.sql(_DIFFERENCES).fetchall()
    oracle.connection.unregister("product_changes")
    oracle.connection.execute("DROP VIEW oracle_memberships")
    assert not differing, f"memberships that only one side has: {differing}"


_TYPES = {"subject_id": pl.String, "segment": pl.String, "tick": pl.Int64, "step": pl.Int64}
#: The last change at or before a tick says whether a user is in; ticks without any change stand between.
_DIFFERENCES = """
    WITH spans AS (
      SELECT subject_id, segment, tick AS since, step,
        lead(tick, 1, 9223372036854775807) OVER (PARTITION BY subject_id, segment ORDER BY tick) AS ended
      FROM product_changes),
    mine AS (SELECT subject_id, segment, t.tick FROM spans JOIN ticks t ON since <= t.tick AND t.tick < ended
             WHERE step = 1),
    sides AS (SELECT user_id, segment, tick, 1 AS side FROM mine LEFT JOIN subjects USING (subject_id)
              UNION ALL SELECT user_id, segment, tick, -1 FROM oracle_memberships)
    SELECT user_id, segment, tick, sum(side) FROM sides GROUP BY ALL HAVING sum(side) <> 0 LIMIT 5"""
