"""SQL for journeys: the instants of a user's journey, and what of it is known at a tick.

Start, steps and completion are instants of event time, each fixed by the events up to it; so at a tick T a journey
shows those of its final instants that lie before T.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.oracle.rules import literal, parse_duration, property_sql, quoted


class Known(NamedTuple):
    """The columns that a join of a journey's instants to `row_parts` (alias r) adds."""

    columns: str
    join: str


def steps_of(feature: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps as written, a bare name as a step that is done once."""
    ((_, steps),) = feature["complete"].items()
    return [{"event": step} if isinstance(step, str) else step for step in steps]


def _step(step: Mapping[str, Any]) -> str:
    """The instant of the at_least-th event of a step that counts, per user."""
    value = property_sql(step["distinct"]) if "distinct" in step else "NULL"
    counted = f"""SELECT e.__user, occurred_at, {value} AS value FROM events e JOIN starts USING (__user)
        WHERE name = {literal(step["event"])} AND occurred_at >= started_at"""
    if "distinct" in step:
        counted = f"""SELECT __user, min(occurred_at) AS occurred_at FROM ({counted})
            WHERE value IS NOT NULL GROUP BY __user, value"""
    at_least = int(step.get("at_least", 1))
    return f"""SELECT __user, list(occurred_at ORDER BY occurred_at)[{at_least}] AS done
        FROM ({counted}) GROUP BY __user"""


def tables(name: str, feature: Mapping[str, Any]) -> list[str]:
    """Creates instants of a journey: __user, started_at, completed_at, done (a list, per step an instant or NULL)."""
    steps = steps_of(feature)
    (mode,) = feature["complete"]
    done = [f"step{i}.done" for i in range(len(steps))]
    if mode == "all_of":
        completed = f"CASE WHEN {' AND '.join(f'{d} IS NOT NULL' for d in done)} THEN greatest({', '.join(done)}) END"
    elif mode == "any_of":
        completed = f"least({', '.join(done)})"  # ignores NULLs
    else:
        raise ValueError(f"journey {name}: {mode!r}")
    joins = " ".join(
        f"LEFT JOIN ({_step(step)}) step{i} ON step{i}.__user = starts.__user" for i, step in enumerate(steps)
    )
    return [
        f"""CREATE TABLE {quoted(f"journey {name}")} AS
        WITH starts AS (SELECT __user, min(occurred_at) AS started_at FROM events
                        WHERE name = {literal(feature["start"])} GROUP BY __user)
        SELECT starts.__user, started_at, {completed} AS completed_at, [{", ".join(done)}] AS done
        FROM starts {joins}"""
    ]


def known_at_tick(name: str) -> Known:
    """The instants of a journey that lie before the tick, as columns of their own."""
    j = quoted(f"j {name}")
    columns = [
        f"CASE WHEN {j}.{key} < __tick THEN {j}.{key} END AS {quoted(f'{name} {key}')}"
        for key in ("started_at", "completed_at")
    ]
    columns.append(
        f"coalesce(len(list_filter({j}.done, lambda at_step: at_step < __tick)), 0) AS {quoted(f'{name} steps')}"
    )
    return Known(", ".join(columns), f"LEFT JOIN {quoted(f'journey {name}')} {j} ON {j}.__user = r.__user")


def view_column(name: str, feature: Mapping[str, Any]) -> str:
    """The journey as a STRUCT, so that `name.status` reads as in a rule text."""
    started, completed, steps = (quoted(f"{name} {key}") for key in ("started_at", "completed_at", "steps"))
    deadline = parse_duration(feature["deadline"]) if feature.get("deadline") is not None else None
    late = f"{completed} > {started} + {deadline}" if deadline is not None else "FALSE"
    overdue = f"__tick > {started} + {deadline}" if deadline is not None else "FALSE"
    return f"""{{
        'status': CASE WHEN {started} IS NULL THEN 'not_started'
                       WHEN {completed} IS NOT NULL AND {late} THEN 'completed_late'
                       WHEN {completed} IS NOT NULL THEN 'completed_in_time'
                       WHEN {overdue} THEN 'overdue' ELSE 'in_progress' END,
        'started_at': make_timestamp({started}), 'completed_at': make_timestamp({completed}),
        'time_to_complete': to_microseconds({completed} - {started}), 'steps_done': {steps}}} AS {quoted(name)}"""
