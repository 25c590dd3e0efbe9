"""Simulated logs, out of order and with duplicates of the same and of other content: the core equals the SQL oracle."""

from pathlib import Path

import polars as pl
import pytest

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import generate
from segmentation.rules.file import load_rules
from segmentation.units import MINUTE
from tests.acceptance.comparing import assert_equals_oracle, of_frame, oracle_for
from tests.acceptance.driving import NOW, decoded, settle, settle_live

EXAMPLE = Path(__file__).parents[2] / "examples" / "rules.yaml"
EVERY_KIND = Path(__file__).parent / "rules" / "every_kind.yaml"
DISORDER = 10 * MINUTE


def simulated(folder: Path, users: int, days: int, seed: int) -> Path:
    path = folder / "events.jsonl"
    options = TrafficOptions(
        users=users, days=days, seed=seed, disorder=DISORDER, duplicates=0.08, malformed=0.01, drift=0.3
    )
    generate(options, str(path))
    return path


@pytest.mark.parametrize("seed", [1, 2])
def test_example_rules(tmp_path: Path, seed: int) -> None:
    log = simulated(tmp_path, users=250, days=10, seed=seed)
    rules = load_rules(str(EXAMPLE))
    changes = settle(rules, decoded(log, rules))
    oracle = oracle_for(EXAMPLE)
    oracle.load_events(log, now=NOW)
    assert_equals_oracle(of_frame(changes), oracle)
    assert {*changes["segment"]} == {*rules.segments}, "the log is too dull to test every segment"


@pytest.mark.parametrize("seed", [3, 8])
def test_every_kind_of_feature(tmp_path: Path, seed: int) -> None:
    log = simulated(tmp_path, users=50, days=4, seed=seed)
    rules = load_rules(str(EVERY_KIND))
    changes = settle(rules, decoded(log, rules), shards=3)
    oracle = oracle_for(EVERY_KIND)
    oracle.load_events(log, now=NOW)
    assert_equals_oracle(of_frame(changes), oracle)
    assert {*changes["segment"]} == {*rules.segments}, "the log is too dull to test every segment"


def test_every_kind_of_feature_in_several_advances(tmp_path: Path) -> None:
    log = simulated(tmp_path, users=40, days=2, seed=5)
    rules = load_rules(str(EVERY_KIND))
    events = decoded(log, rules)
    once = settle(rules, events)
    assert_same(settle(rules, events, shards=2, batch=100, steps=(100, 1, 7, 1, 150, 1, 1)), once)


def test_example_rules_while_the_log_arrives(tmp_path: Path) -> None:
    log = simulated(tmp_path, users=150, days=6, seed=6)
    rules = load_rules(str(EXAMPLE))
    events = decoded(log, rules)
    assert_same(settle_live(rules, events, DISORDER, shards=2, batch=150), settle(rules, events))


def assert_same(changes: pl.DataFrame, expected: pl.DataFrame) -> None:
    """All columns, row by row."""
    differing = [name for name in expected.columns if not changes[name].equals(expected[name])]
    assert changes.equals(expected), f"differing columns: {differing}"
