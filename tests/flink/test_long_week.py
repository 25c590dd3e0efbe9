"""A hundredth of the bench's day and week, live: as exact as the whole, and its harness does what it says."""

import csv
from collections.abc import Callable
from pathlib import Path

from deploy.local import Stack
from tests.bench.flink.submit import Bench
from tests.bench.flink.year.plan import year
from tests.bench.flink.year.runs import Setting
from tests.bench.flink.year.week import long_week, report

EVENTS = 1_771_200


def test_settled_changes_of_a_hundredth_are_exact(
    local_stack: Stack, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    plan = year(0.01)
    assert plan.events == EVENTS
    bench = Bench(local_stack.addresses(), local_stack.folder, tmp_path)
    setting = Setting(parallelism=2, emit="settled", every=2, timeout=900)
    outcome = long_week(bench, plan, setting, 200_000, tmp_path / "week", lambda _: None)
    told = report(outcome)
    assert outcome.good, told
    assert outcome.early == 0
    with (tmp_path / "week" / "samples.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(outcome.samples)
    assert (tmp_path / "week" / "samples.svg").read_text(encoding="utf-8").startswith("<svg")
    record_property(f"{EVENTS} events of eight days", f"{outcome.samples[-1].at:.0f} s from submission on, exact")
