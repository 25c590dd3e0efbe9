"""Latencies around a kill, of changes that are made up."""

import numpy as np
import pytest

from segmentation.units import MINUTE, SECOND
from tests.bench.flink.year.events import block_of, joined
from tests.bench.flink.year.hour import Latencies, Outcome, latency_table, numbers
from tests.bench.flink.year.plan import BLOCKS, START, hour

PLAN = hour(4, 10.0, START)
TIMES = joined([block_of(PLAN, block) for block in range(PLAN.ticks * BLOCKS)]).time
#: Two minutes in, the worker is killed, and comes back after 20 s.
KILL = START / SECOND + 120


@pytest.fixture
def latencies() -> Latencies:
    """Each event is sent at its time and has a change 0.5 s later, or when the worker is back."""
    found = Latencies(PLAN)
    found.sent[:] = TIMES / SECOND
    for time in TIMES.tolist():
        at = time / SECOND + 0.5
        found.note({"stage": "EARLY", "effective_at": time}, max(at, KILL + 20) if KILL < at < KILL + 20 else at)
    return found


def test_the_first_change_of_a_later_event_ends_the_outage(latencies: Latencies) -> None:
    assert latencies.first_after(KILL) == pytest.approx(KILL + 20)
    assert latencies.between(KILL - 60, KILL - 5).max() == pytest.approx(0.5, abs=1e-5)
    assert 20 < latencies.between(KILL - 5, KILL + 60).max() <= 20.5
    table = latency_table(latencies, [(KILL, 300_000_000)], [])
    assert "kill 1 at minute 2.0, worker 300 MB: before p50 0.50" in table
    assert "after 20.0 s, checkpoint after -" in table


def test_changes_of_ticks_and_settled_and_repeated_ones_are_no_events(latencies: Latencies) -> None:
    before = latencies.read.copy()
    latencies.note({"stage": "EARLY", "effective_at": START + MINUTE}, 1.0)
    latencies.note({"stage": "ON_TIME", "effective_at": int(TIMES[0])}, 1.0)
    latencies.note({"stage": "EARLY", "effective_at": int(TIMES[0])}, 1e12)
    latencies.note({"stage": "EARLY", "effective_at": PLAN.end + 5}, 1.0)
    assert np.array_equal(before, latencies.read)


def test_numbers_of_a_run_that_ended_early_are_told(
    latencies: Latencies, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome = Outcome(PLAN, tmp_path_factory.mktemp("hour"), kills=[(KILL, 5)], failure="the time is over")
    assert numbers(outcome)["kills"] == []
    outcome.latencies = latencies
    (kill,) = numbers(outcome)["kills"]
    assert kill["recovered_after"] == pytest.approx(20)
    assert not outcome.good
