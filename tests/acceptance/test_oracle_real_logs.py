"""Two real logs through the command line: settled changes and memberships at every tick equal the oracle's."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.comparing import assert_equals_oracle, of_file
from tests.acceptance.driving import KEYS
from tests.acceptance.running import run
from tests.oracle import cases
from tests.oracle.duck import Oracle

MAPPINGS = Path(__file__).parent / "mappings"

pytestmark = [pytest.mark.realdata, pytest.mark.slow]


@pytest.mark.parametrize(
    ("log", "case", "load"),
    [("CollegeMsg.txt", "college", cases.college), ("sepsis.csv", "sepsis", cases.sepsis)],
    ids=["college", "sepsis"],
)
def test_real_log(tmp_path: Path, data_dir: Path, log: str, case: str, load: Callable[..., Oracle]) -> None:
    rules, changes, summary = cases.RULES / f"{case}.yaml", tmp_path / "changes.jsonl", tmp_path / "summary.json"
    mapping = MAPPINGS / f"{case}.yaml"
    run(rules, data_dir / log, changes, "--mapping", str(mapping), "--summary", str(summary))
    oracle = load(data_dir / log, rules, state_key=KEYS.state, publish_key=KEYS.publish)
    settled = of_file(changes)
    assert_equals_oracle(settled, oracle)
    counts = json.loads(summary.read_text(encoding="utf-8"))
    lines = len((data_dir / log).read_bytes().splitlines()) - 1
    assert counts["read"] == counts["accepted"] == lines
    assert sum(counts["changes"].values()) == len(settled)
    assert len(settled) > 1000
