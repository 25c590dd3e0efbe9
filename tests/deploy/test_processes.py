"""Only a process that was started here, and is still the same, is ever signalled."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import StackError, processes
from deploy.local.layout import write_json
from deploy.local.processes import Process

SLEEP = "import time; time.sleep(600)"
HEARS = "import signal, sys, time; signal.signal(signal.SIGTERM, {}); print('ready', flush=True); time.sleep(600)"
POLITE = HEARS.format("lambda *_: sys.exit(print('asked'))")
STUBBORN = HEARS.format("signal.SIG_IGN")
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(600)"


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Path]:
    """Where a test notes its process; ends the process after the test."""
    file = tmp_path / "run" / "part.json"
    yield file
    process = processes.recorded(file)
    if process:
        processes.kill(process)


def start(record: Path, program: str) -> Process:
    token = processes.new_token("part")
    return processes.start(record, token, [sys.executable, "-c", program, token], output(record), os.environ)


def output(record: Path) -> Path:
    return record.parent.parent / "output"


def wait_for(what: str, record: Path) -> None:
    deadline = time.monotonic() + 60
    while what not in output(record).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_process_is_found_by_its_record(record: Path) -> None:
    process = start(record, SLEEP)
    assert processes.recorded(record) == process


def test_an_ended_process_is_gone_though_it_is_our_child(record: Path) -> None:
    process = start(record, SLEEP)
    processes.kill(process)
    assert processes.recorded(record) is None
    assert processes.command_line(process.pid) == ""


def test_a_process_id_given_away_again_is_left_alone(record: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as stranger:
        record.parent.mkdir()
        write_json(record, {"pid": stranger.pid, "token": "part-0123456789abcdef"})
        assert processes.recorded(record) is None
        processes.kill(Process(stranger.pid, "part-0123456789abcdef"))
        processes.stop_all([Process(stranger.pid, "part-0123456789abcdef")], 0)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("content", ["", "{}", '{"pid": "x", "token": "y"}'])
def test_a_damaged_record_names_no_process(record: Path, content: str) -> None:
    record.parent.mkdir()
    record.write_text(content)
    assert processes.recorded(record) is None


def test_stopping_asks_first(record: Path) -> None:
    process = start(record, POLITE)
    wait_for("ready", record)
    processes.stop_all([process], 60)
    assert not processes.is_alive(process)
    assert "asked" in output(record).read_text()


def test_stopping_insists(record: Path) -> None:
    process = start(record, STUBBORN)
    wait_for("ready", record)
    processes.stop_all([process], 0.2)
    assert not processes.is_alive(process)


def test_children_are_those_of_the_process(record: Path) -> None:
    process = start(record, PARENT)
    deadline = time.monotonic() + 60
    while not (found := processes.children(process.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [processes.parents()[pid] for pid in found] == [process.pid]
    commands = {pid: processes.command_line(pid) for pid in found}
    processes.kill(process)
    processes.end_leftovers(commands, 0)
    for pid in found:
        assert processes.wait_for_end(Process(pid, SLEEP), 10)


def test_a_missing_program_is_said(record: Path) -> None:
    record.parent.mkdir()
    with pytest.raises(StackError, match="/no/such/program cannot be run: No such file"):
        processes.start(record, "t", ["/no/such/program", "t"], output(record), {})


def test_a_process_is_alive_from_its_first_moment(tmp_path: Path) -> None:
    """A program that has just been executed has no command line yet."""
    for number in range(20):
        token = processes.new_token("first")
        command = [sys.executable, "-c", SLEEP, token]
        started = processes.start(tmp_path / f"{number}.json", token, command, tmp_path / "out", os.environ)
        alive = processes.is_alive(started)
        processes.kill(started)
        assert alive
