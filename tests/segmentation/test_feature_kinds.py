"""A kind of feature is one file and one registration: nothing else names it, and a kind that a test brings runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import pytest

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.expressions.nodes import Type
from segmentation.expressions.scope import ColumnType
from segmentation.expressions.values import Values
from segmentation.features.kind import Advance, EventParts, Feature, FeatureState
from segmentation.features.reading import KeyReader
from segmentation.features.registry import KINDS
from segmentation.features.timeline import Events, Span, Updates, run_ends, write_latest
from segmentation.identity.sharder import Sharder
from segmentation.membership.assigner import Assigner
from segmentation.rules import features as rules_features
from segmentation.rules.file import RulesError, parse_rules
from segmentation.tracking.tracker import Tracker
from segmentation.units import HOUR, SECOND
from transforms.keys.sources import DEMO_KEYS

ROOT = Path(__file__).parents[2]
START = 1_767_225_600_000_000
RULES = """
version: 1
tick: 1h
features: {longest: {kind: longest_name, at_least: 3}}
segments: {wordy: {when: longest >= 9}}
"""


@dataclass(frozen=True)
class LongestName(Feature):
    """The length of the longest name among the user's events, of those with ``at_least`` letters."""

    kind = "longest_name"
    keys = ("events", "at_least")
    needed = ("at_least",)

    events: tuple[str, ...]
    at_least: int

    @classmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        return cls(name, keys.events() or ("click", "page_view"), keys.integer("at_least", 1, 1))

    def reads(self) -> EventParts:
        return EventParts(self.events)

    def columns(self) -> Mapping[str, ColumnType]:
        return {self.name: ColumnType(Type.INTEGER)}

    def stored(self) -> Mapping[str, int]:
        return {self.name: 0}

    def values_of(self, stored: Mapping[str, Column], ticks: I64, texts: Sequence[str]) -> dict[str, Values]:  # noqa: ARG002
        return {self.name: Values(stored[self.name])}

    def state(self, tick: int, lateness: int) -> FeatureState:  # noqa: ARG002
        return LongestNameState(self)


class LongestNameState(FeatureState):
    """The length by user."""

    def __init__(self, feature: LongestName) -> None:
        self._feature = feature
        self._longest: dict[str, Column] = {feature.name: np.empty(0, np.int64)}

    def grow(self, users: int) -> None:
        held = self._longest[self._feature.name]
        self._longest[self._feature.name] = np.append(held, np.zeros(users - len(held), np.int64))

    def advance(self, events: Events, span: Span, _only: Bool | None = None, /) -> Advance:
        rows = events.named(self._feature.events)
        lengths = np.array([len(name) for name in events.names], np.int64)[events.name[rows]]
        rows = rows[lengths >= self._feature.at_least]
        longest = self._longest[self._feature.name].copy()
        values = []
        for row in rows.tolist():
            user = events.user[row]
            longest[user] = max(longest[user], len(events.names[events.name[row]]))
            values.append(longest[user])
        keys = span.keys(events.user[rows], events.index[rows])
        last = run_ends(keys)
        changes = Updates(keys[last], {self._feature.name: np.array(values, np.int64)[last]})
        return Advance(changes, lambda: write_latest(changes, self._longest, span))

    def keep(self, rows: I64) -> None:
        self._longest = {name: held[rows] for name, held in self._longest.items()}

    def join(self, other: Self) -> None:
        self._longest = {name: np.append(held, other._longest[name]) for name, held in self._longest.items()}

    def current(self) -> dict[str, Column]:
        return self._longest

    def tables(self) -> dict[str, pl.DataFrame]:
        return {"longest": pl.DataFrame({"letters": self._longest[self._feature.name]})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self._longest = {self._feature.name: tables["longest"]["letters"].to_numpy().copy()}


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_features, "KINDS", (*KINDS, LongestName))


def test_no_file_but_its_own_and_the_registration_names_distinct_days() -> None:
    files = [path for room in ("segmentation", "transforms", "pipeline") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 100
    assert {
        path.relative_to(ROOT).as_posix()
        for path in files
        if any(name in path.read_text() for name in ("distinct_days", "DistinctDays"))
    } == {"segmentation/features/distinct_days.py", "segmentation/features/registry.py"}


def test_only_features_ask_of_which_kind_a_feature_is() -> None:
    """They ask the feature itself: outside of their room no file names the class of a kind."""
    names = {kind.__name__ for kind in KINDS}
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for room in ("segmentation", "transforms", "pipeline")
        for path in (ROOT / room).rglob("*.py")
        if path.parent != ROOT / "segmentation" / "features"
        for line in path.read_text().splitlines()
        for name in names
        if ("isinstance(" in line and name in line) or f"import {name}" in line or f"case {name}(" in line
    }
    assert found == set()


def test_every_kind_has_a_word_of_its_own() -> None:
    words = [kind.kind for kind in KINDS]
    assert len(set(words)) == len(words) == 6


def test_unregistered_kind_is_refused() -> None:
    with pytest.raises(RulesError, match=r"unknown kind 'longest_name'; expected rolling_score, rolling_count, jour"):
        parse_rules(RULES, "rules.yaml")


def test_registered_kind_reports_its_keys(registered: None) -> None:
    text = RULES.replace("at_least: 3", "at_most: 3, events: [consent]")
    with pytest.raises(RulesError) as error:
        parse_rules(text, "rules.yaml")
    assert [problem.message for problem in error.value.problems] == [
        "the feature 'longest' needs the key 'at_least'",
        "unknown key 'at_most' in the feature 'longest'; expected kind, events, at_least; did you mean 'at_least'?",
        "'consent' is a reserved event and never counts in a feature",
    ]


def test_registered_kind_runs_from_the_rules_to_the_segments(registered: None) -> None:
    rules = parse_rules(RULES, "rules.yaml")
    tracker, assigner = Tracker(rules, 10 * SECOND), Assigner(rules, DEMO_KEYS.publish)
    frame = pl.DataFrame(
        {
            "event_id": ["a", "b", "c", "d"],
            "user_id": ["u", "u", "v", "u"],
            "name": ["click", "page_view", "click", "click"],
            "occurred_at": [START + each * HOUR for each in (0, 1, 1, 2)],
        }
    )
    tracker.add(Sharder(rules, 1, DEMO_KEYS).split(frame, START + 2 * HOUR)[0])
    settled = tracker.advance(START + 3 * HOUR)
    rows = settled.features.rows
    assert list(zip((rows["tick"] - START).tolist(), rows["longest"].tolist(), strict=True)) == [
        (HOUR, 5),
        (2 * HOUR, 9),
        (3 * HOUR, 9),
        (2 * HOUR, 5),
    ]
    changes = assigner.advance(settled.features, settled.moves)
    assert changes.select("segment", "action", "effective_at").rows() == [("wordy", "ENTERED", START + 2 * HOUR)]
    restored = Tracker(rules, 10 * SECOND)
    restored.restore(tracker.snapshot())
    assert restored.snapshot() == tracker.snapshot()
