"""How a run ends when a step fails, the disk refuses, or somebody interrupts it."""

import signal
import subprocess
from pathlib import Path

import pytest

from pipeline.io.files.output import OutputError
from pipeline.io.files.writers import ChangesWriter
from segmentation.identity.sharder import Sharder
from tests.cli.commands import EVENTS, RULES, command, event, lines, run, segments, wait_for, write


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "in" / "events.jsonl", lines(EVENTS))


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "rules.yaml")


def _break(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise LookupError("something that nobody foresaw")

    monkeypatch.setattr(Sharder, "split", broken)


def test_failing_step_is_one_line(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch)
    done = run(tmp_path / "out", log)
    assert (done.outcome.code, done.outcome.out) == (1, "")
    [line] = done.outcome.err.splitlines()
    assert line.startswith("failed in the step ShardUsers/SplitByShard: LookupError: something that nobody foresaw")
    assert "--verbose" in line
    assert _left(tmp_path / "out") == []


@pytest.mark.parametrize("how", ["option", "environment"])
def test_verbose_shows_the_traceback(how: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch)
    if how == "environment":
        monkeypatch.setenv("SEGMENTS_VERBOSE", "1")
    done = run(tmp_path / "out", log, *(["--verbose"] if how == "option" else []))
    assert done.outcome.code == 1
    assert "Traceback (most recent call last)" in done.outcome.err
    assert done.outcome.err.splitlines()[-1].startswith("failed in the step ShardUsers/SplitByShard")


def test_disk_that_fills_up_while_running(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OutputError("--changes: can't write changes.jsonl: No space left on device")

    monkeypatch.setattr(ChangesWriter, "write", full)
    done = run(tmp_path / "out", log)
    assert done.outcome.code == 2
    assert done.outcome.err == "--changes: can't write changes.jsonl: No space left on device\n"
    assert _left(tmp_path / "out") == []


def test_keyboard_interrupt(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.runners.local._execute", interrupted)
    done = run(tmp_path / "out", log)
    assert (done.outcome.code, done.outcome.err) == (130, "interrupted\n")
    assert _left(tmp_path / "out") == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_signal_while_running(number: signal.Signals, code: int, tmp_path: Path) -> None:
    some = lines(event(row, f"user{row % 5000}", hours=row / 2000) for row in range(400_000))
    log = write(tmp_path / "events.jsonl", some)
    rules = write(tmp_path / "rules.yaml", RULES)
    out = tmp_path / "out"
    arguments = command("run", "--rules", rules, "--events", log, "--changes", out / "changes.jsonl")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # The run has begun when its output is open, and is far from its end.
        wait_for(lambda: out.is_dir() and any(out.iterdir()), process)
        process.send_signal(number)
        shown, said = process.communicate(timeout=60)
    assert (process.returncode, shown, said) == (code, "", "interrupted\n")
    assert _left(out) == []


def test_generate_refuses_what_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    outcome = segments("generate", "--users", 5, "--days", 1, "--out", tmp_path / "log.jsonl")
    assert outcome.code == 2
    assert outcome.err.startswith("--out: ")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--malformed", "lots"), ("--rate", "fast"), ("--start", "now"), ("--disorder", "3"), ("--users", "0"),
     ("--out", "kafka://broker/topic"), ("--out", "log.parquet")],
)  # fmt: skip
def test_generate_refuses_a_bad_value(option: str, value: str, tmp_path: Path) -> None:
    options = {"--users": "5", "--days": "1", "--out": str(tmp_path / "log.jsonl")} | {option: value}
    outcome = segments("generate", *[part for pair in options.items() for part in pair])
    assert outcome.code == 2
    assert outcome.err.startswith(f"{option}: ")
