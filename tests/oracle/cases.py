"""Ready cases: each loads a log into an oracle.

`python -m tests.oracle.cases college|sepsis|simulated PATH [RULES]` runs one and says how long it takes.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.oracle.duck import Oracle
from tests.oracle.rules import literal

RULES = Path(__file__).parent / "rules"
STATE_KEY, PUBLISH_KEY = b"oracle state key", b"oracle publish key"


def college(
    path: Path, rules: Path = RULES / "college.yaml", *, state_key: bytes = STATE_KEY, publish_key: bytes = PUBLISH_KEY
) -> Oracle:
    """CollegeMsg.txt: one `message_sent` of user `src` per line, property `dst`."""
    oracle = Oracle(rules, state_key=state_key, publish_key=publish_key)
    # A log without ids: every line is an event, equal lines are distinct ones.
    oracle.load_events(
        f"""SELECT (row_number() OVER ())::VARCHAR AS event_id, src AS user_id, 'message_sent' AS name,
          time::BIGINT * 1000000 AS occurred_at, json_object('dst', dst) AS properties
        FROM read_csv({literal(str(path))}, delim=' ', header=true, all_varchar=true)"""
    )
    return oracle


def sepsis(
    path: Path, rules: Path = RULES / "sepsis.yaml", *, state_key: bytes = STATE_KEY, publish_key: bytes = PUBLISH_KEY
) -> Oracle:
    """sepsis.csv: user = Case ID, name = Activity, time = Complete Timestamp in UTC."""
    oracle = Oracle(rules, state_key=state_key, publish_key=publish_key)
    oracle.load_events(
        f"""SELECT (row_number() OVER ())::VARCHAR AS event_id, "Case ID" AS user_id, Activity AS name,
          epoch_us(strptime("Complete Timestamp", '%Y/%m/%d %H:%M:%S.%f')) AS occurred_at, '{{}}' AS properties
        FROM read_csv({literal(str(path))}, delim=';', header=true, all_varchar=true)"""
    )
    return oracle


def simulated(
    path: Path, rules: Path, *, now: int | None = None, state_key: bytes = STATE_KEY, publish_key: bytes = PUBLISH_KEY
) -> Oracle:
    """A JSONL file with duplicates and malformed lines, which are left out; `now`: the clock of the run in µs."""
    oracle = Oracle(rules, state_key=state_key, publish_key=publish_key)
    oracle.load_events(path, now=now)
    return oracle


def main(case: str, path: str, *rules: str) -> None:
    """Prints what a case gives and how long it takes."""
    started = time.monotonic()
    cases: dict[str, Callable[..., Oracle]] = {"college": college, "sepsis": sepsis, "simulated": simulated}
    oracle = cases[case](Path(path), *map(Path, rules))
    changes = oracle.settled_changes()
    settled = time.monotonic() - started
    lines = [f"{len(oracle.ticks())} ticks, {len(changes)} changes in {settled:.1f} s"]
    for table, columns in (("changes", "segment, action"), ("memberships", "segment")):
        query = f"SELECT {columns}, count(*) FROM {table} GROUP BY ALL ORDER BY ALL"
        lines += [str(oracle.connection.sql(query))]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
