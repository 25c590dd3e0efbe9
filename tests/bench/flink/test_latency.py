"""What the latency benchmark takes for the latency of an event."""

from typing import Any

import pytest

from tests.bench.flink.latency import DISORDER, MICROS, latencies
from tests.flink.reading import Read

MINUTE = 60 * MICROS


def read(stage: str, effective_at: int, after: float, action: str = "ENTERED") -> Read:
    change: dict[str, Any] = {"stage": stage, "effective_at": effective_at, "action": action}
    return Read(change, b"", effective_at // 1000, effective_at / MICROS + after)


def test_what_a_tick_takes_back_is_no_latency_of_an_event() -> None:
    times = [MINUTE - MICROS + number for number in range(200)]
    changes = [read("EARLY", at, 0.25) for at in times]
    changes += [read("EARLY", MINUTE, DISORDER + 1.5, "RETRACTED")] * 500
    changes += [read("ON_TIME", MINUTE, DISORDER + 1.0)]
    found = latencies(changes, times, range(MINUTE // 2, 2 * MINUTE), rate=1, parallelism=1)
    assert found.changes == len(times)
    assert found.most == pytest.approx(0.25, abs=1e-3)
    assert found.settled == pytest.approx(1.5, abs=1e-3)


def test_an_event_that_takes_its_own_change_back_counts() -> None:
    changes = [read("EARLY", at, 0.25) for at in (1, 2)] + [read("EARLY", 3, 0.75, "RETRACTED")]
    found = latencies(changes, {1, 2, 3}, range(10), rate=1, parallelism=1)
    assert (found.changes, found.most) == (3, pytest.approx(0.75, abs=1e-3))


def test_changes_outside_of_the_span_are_left_out() -> None:
    changes = [read("EARLY", at, after) for at, after in ((1, 9.0), (2, 0.25), (3, 0.25), (4, 9.0))]
    assert latencies(changes, {1, 2, 3, 4}, range(2, 4), rate=1, parallelism=1).most == pytest.approx(0.25, abs=1e-3)
