"""Users who are forgotten while a job runs: early changes are confirmed or taken back, whatever workers are lost."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from segmentation.rules.file import parse_rules
from segmentation.rules.model import Rules
from segmentation.units import HOUR, MINUTE, SECOND
from tests.acceptance.driving import settle
from tests.transforms.live_shard import LiveShard, Stage
from transforms.state import shard_state
from transforms.state.timing import Timing

START = 1_767_225_600_000_000
MARGIN = 10 * SECOND
TEXT = """
version: 1
tick: 30m
forget_after: 2h
population: {minimum: 1}
features:
  score: {kind: rolling_score, window: 6h, every: 1h, weights: {click: 1, buy: 4}}
  path: {kind: journey, start: visit, complete: {all_of: [click, {event: buy, distinct: item, at_least: 2}]}}
  item: {kind: attribute, property: item, keep: first}
  items: {kind: attribute, property: item, keep: set}
  days: {kind: distinct_days, window: 1d}
  seen: {kind: recency}
segments:
  top: {when: percentile(score) >= 50, until: percentile(score) < 40, min_dwell: 9h}
  begun: {when: path.started_at IS NOT NULL, group: pace, priority: 1, min_dwell: 9h}
  done: {when: path.completed_at IS NOT NULL, group: pace, priority: 2}
  many: {when: score >= 3 AND items >= 2}
  not_x: {when: NOT item = 'x'}
  plain: {when: NOT in_segment('top')}
  gone: {when: hours_since(seen) > 1}
"""
RULES = parse_rules(TEXT, "rules.yaml")
REMEMBERING = parse_rules(TEXT.replace("forget_after: 2h", ""), "rules.yaml")


def bundles(seed: int) -> list[pl.DataFrame]:
    """Three days of few users, who come for an hour or so and then stay away, in the order of arrival."""
    random = np.random.default_rng(seed)
    visits, each = 40, 4
    at = (random.integers(0, 60, visits) * HOUR)[:, None] + random.integers(0, 90, (visits, each)) * MINUTE
    count = visits * each
    at = at.ravel() + random.choice([0, 0, 1, -1], count) + HOUR
    arrival = np.argsort(at + random.integers(0, MARGIN, count))
    frame = pl.DataFrame(
        {
            "event_id": [f"e{number}" for number in random.integers(0, 120, count)],
            "user_id": np.repeat([f"u{user}" for user in random.integers(0, 7, visits)], each),
            "name": random.choice(["visit", "click", "buy", "other"], count),
            "occurred_at": START + at,
            "p:item": random.choice(["x", "y", "z"], count),
        }
    )[arrival]
    return [frame[start : start + 3] for start in range(0, count, 3)]


def run(
    seed: int, around: Callable[[Stage, Callable[[], list[Any]]], list[Any]], every: int, rules: Rules = RULES
) -> list[dict[str, Any]]:
    """All changes, early and settled, in order. The watermark follows every so many bundles."""
    shard = LiveShard(rules, Timing(bounded=False, max_disorder=MARGIN), around)
    for number, bundle in enumerate(bundles(seed)):
        shard.events(bundle)
        if number % every == every - 1:
            shard.watermark(Timestamp(micros=bundle["occurred_at"].to_numpy().max().item() - MARGIN))
    shard.watermark(MAX_TIMESTAMP)
    return shard.changes


def undisturbed(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
    return call()


def restarted(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
    stage.restart()
    return call()


def told(changes: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What settled, without ids, which depend on keys."""
    names = ("effective_at", "segment", "action", "sequence", "cause", "memberships", "evidence")
    return sorted(tuple(row[name] for name in names) for row in changes if row["stage"] != "EARLY")


def by_subject(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The changes of each subject in their order; which subject comes first depends on rows, and these on snapshots."""
    return sorted(changes, key=lambda row: row["subject_id"])


@pytest.fixture(autouse=True)
def fold_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs are folded into snapshots long before a megabyte."""
    monkeypatch.setattr(shard_state, "_MIN_FOLD_BYTES", 6_000)


@pytest.mark.parametrize("every", [1, 7, 60])
@pytest.mark.parametrize("seed", range(3))
def test_settled_changes_are_those_of_a_bounded_run(seed: int, every: int) -> None:
    expected = told(settle(RULES, pl.concat(bundles(seed)), shards=1).to_dicts())
    assert len([row for row in expected if "forget_after" in row[-1]]) > 30
    assert told(run(seed, undisturbed, every)) == expected


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("rules", [RULES, REMEMBERING], ids=["forgetting", "remembering"])
def test_new_worker_for_every_call_changes_nothing(rules: Rules, every: int) -> None:
    assert by_subject(run(0, restarted, every, rules)) == by_subject(run(0, undisturbed, every, rules))


@pytest.mark.parametrize("every", [1, 7, 60])
@pytest.mark.parametrize("seed", range(3))
def test_early_changes_are_confirmed_or_taken_back(seed: int, every: int) -> None:
    changes = run(seed, undisturbed, every)
    settled: dict[tuple[str, str], bool] = {}
    seen: dict[tuple[str, str], bool] = {}
    numbers = set()
    for row in changes:
        key = (row["subject_id"], row["segment"])
        if row["stage"] != "EARLY":
            settled[key] = seen[key] = row["action"] == "ENTERED"
            continue
        seen[key] = settled.get(key, False) if row["action"] == "RETRACTED" else row["action"] == "ENTERED"
        number = (row["subject_id"], row["sequence"], row["early_index"])
        assert number not in numbers, "a number came twice"
        numbers.add(number)
    assert {key for key, member in seen.items() if member} == {key for key, member in settled.items() if member}
    assert len({row["change_id"] for row in changes}) == len(changes)
