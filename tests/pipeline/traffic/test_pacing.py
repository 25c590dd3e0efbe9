"""Writing at a rate, on a clock of the test's own; and progress."""

from dataclasses import replace
from pathlib import Path

from pipeline.traffic.pacing import Pacer
from pipeline.traffic.simulation import generate
from tests.pipeline.traffic.logs import CLEAN

SMALL = replace(CLEAN, users=50, days=2)


class Clock:
    """Time that passes only while sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_log_takes_lines_divided_by_rate(tmp_path: Path) -> None:
    clock = Clock()
    written: list[tuple[float, int]] = []
    summary = generate(
        replace(SMALL, rate=200.0),
        str(tmp_path / "events.jsonl"),
        progress=lambda done, _: written.append((clock.now - 100.0, done)),
        pacer=Pacer(200.0, clock.read, clock.sleep),
    )
    # A piece of 20 lines is written as soon as its first line is due.
    assert all(done <= 200.0 * passed + 20.001 for passed, done in written)
    assert abs(written[-1][0] - summary.lines / 200.0) <= 0.1001


def test_lines_are_on_disk_as_they_fall_due(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    seen: list[int] = []
    generate(
        replace(SMALL, rate=200.0),
        str(path),
        progress=lambda *_: seen.append(path.read_bytes().count(b"\n")),
        pacer=Pacer(200.0, lambda: 0.0, lambda _: None),
    )
    assert seen[:3] == [20, 40, 60]


def test_full_speed_never_asks_the_clock() -> None:
    clock = Clock()
    Pacer(None, clock.read, clock.sleep).wait_for(10**9)
    assert clock.now == 100.0


def test_slower_than_a_line_a_second_still_writes_single_lines() -> None:
    clock = Clock()
    pacer = Pacer(0.5, clock.read, clock.sleep)
    assert pacer.piece_size(1000) == 1
    for line in range(3):
        pacer.wait_for(line)
    assert clock.now == 104.0


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    summary = generate(SMALL, str(tmp_path / "events.jsonl"), lambda done, total: calls.append((done, total)))
    assert calls[-1] == (summary.lines, summary.lines)
