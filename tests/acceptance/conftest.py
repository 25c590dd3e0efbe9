"""The fixture of the tests that name one boundary each."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from segmentation.rules.file import load_rules
from tests.acceptance.comparing import assert_equals_oracle, of_frame, oracle_for
from tests.acceptance.driving import frame, settle
from tests.oracle.small import HOUR, START

#: (user, action, segment, hours after START)
Told = tuple[str, str, str, float]


class Outcome:
    """What the core made of a small log, after it was found equal to the oracle's and to that of another cut."""

    def __init__(self, changes: pl.DataFrame, users: Mapping[str, str]) -> None:
        self.changes = changes
        self._users = users

    def told(self) -> list[Told]:
        """The changes in order of time, user and sequence."""
        rows = self.changes.sort("effective_at", "sequence").iter_rows(named=True)
        story = [
            (self._users[r["subject_id"]], r["action"], r["segment"], (r["effective_at"] - START) / HOUR) for r in rows
        ]
        return sorted(story, key=lambda told: (told[3], told[0]))

    def causes(self) -> list[tuple[str, str, str]]:
        """(user, action, cause) of the changes in order of time and user."""
        rows = self.changes.iter_rows(named=True)
        found = [(r["effective_at"], self._users[r["subject_id"]], r["action"], r["cause"]) for r in rows]
        return [found_[1:] for found_ in sorted(found)]


Settle = Callable[..., Outcome]


@pytest.fixture
def outcome(tmp_path: Path) -> Settle:
    """Settles events under rules (ticks of 1 h and no minimum population unless told otherwise), from START on."""

    def settled(
        features: Mapping[str, Any],
        segments: Mapping[str, Any],
        events: Sequence[Mapping[str, Any]],
        *,
        until: int | None = None,
        **top: Any,
    ) -> Outcome:
        path = tmp_path / "rules.yaml"
        content = {"version": 1, "tick": "1h", "population": {"minimum": 1}, "features": features, "segments": segments}
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump({**content, **top}, file)
        rules = load_rules(str(path))
        log = frame(events, rules)
        changes = settle(rules, log, shards=1, until=until)
        backwards = settle(rules, log.reverse(), shards=3, batch=2, steps=[1] * 60, until=until)
        assert backwards.equals(changes)
        oracle = oracle_for(path)
        oracle.load_events(events)
        assert_equals_oracle(of_frame(changes), oracle, until)
        return Outcome(changes, {oracle.subject_id(event["user_id"]): event["user_id"] for event in events})

    return settled
