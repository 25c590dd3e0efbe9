"""Decades without events: only ticks at which something is due cost anything. Expected values are computed by hand."""

import json
from pathlib import Path

from tests.acceptance.running import run, write_log

EXAMPLE = Path(__file__).parents[2] / "examples" / "rules.yaml"


def test_an_event_of_1970_among_those_of_2026(tmp_path: Path) -> None:
    new_year = 1_767_225_600_000_000
    log = [
        {"event_id": "1", "user_id": "a", "name": "signup", "occurred_at": 0},
        {"event_id": "2", "user_id": "b", "name": "page_view", "occurred_at": new_year},
    ]
    changes = tmp_path / "changes.jsonl"
    # Half a million hourly ticks: were each of them worked on, this would take minutes.
    run(EXAMPLE, write_log(tmp_path / "events.jsonl", log), changes, "--shards", "2")
    rows = [json.loads(line) for line in changes.read_text().splitlines()]
    told = sorted((row["effective_at"], row["segment"], row["action"]) for row in rows)
    assert told == [
        ("1970-01-01T01:00:00.000000Z", "new_user", "ENTERED"),
        ("1970-01-02T01:00:00.000000Z", "overdue", "ENTERED"),
        ("1970-01-03T01:00:00.000000Z", "at_risk", "ENTERED"),
        ("2026-01-01T01:00:00.000000Z", "new_user", "ENTERED"),
    ]
