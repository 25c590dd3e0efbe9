"""What the bench expects of its own traffic: the oracle in SQL, and the product over files, expect the same."""

from pathlib import Path

import pytest

from tests.acceptance.comparing import Settled, assert_equals_oracle, of_file, oracle_for
from tests.acceptance.driving import KEYS
from tests.acceptance.running import run
from tests.bench.flink.year.judging import Judge
from tests.bench.flink.year.plan import START, Plan, hour, rules_of, year
from tests.bench.flink.year.records import finish, sendings


def written(plan: Plan, folder: Path) -> tuple[Path, Path]:
    """The rules and the log, repeats and disorder included, with a heartbeat at its end."""
    rules, log = folder / "rules.yaml", folder / "events.jsonl"
    rules.write_text(rules_of(plan), encoding="utf-8")
    with log.open("wb") as file:
        for sending in [*sendings(plan, batch=100), next(finish(plan))]:
            file.write(sending.value + b"\n")
    return rules, log


def expected(plan: Plan) -> list[Settled]:
    return list(Judge(plan, KEYS).expected_as_settled())


@pytest.mark.parametrize("plan", [year(0.001, repeats=0.05), hour(90, 5.0, START, repeats=0.05)], ids=["week", "hour"])
def test_the_oracle_in_sql_expects_the_same(plan: Plan, tmp_path: Path) -> None:
    rules, log = written(plan, tmp_path)
    oracle = oracle_for(rules)
    oracle.load_events(log, now=plan.end)
    assert len(oracle.accepted()) == plan.events
    assert_equals_oracle(expected(plan), oracle)


@pytest.mark.slow
def test_the_product_makes_these_changes_of_a_hundredth(tmp_path: Path) -> None:
    plan = year(0.01)
    rules, log = written(plan, tmp_path)
    run(rules, log, tmp_path / "changes.jsonl")
    found = of_file(tmp_path / "changes.jsonl")
    assert len(found) == len(set(found))
    assert set(found) == set(expected(plan))
