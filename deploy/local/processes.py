"""Processes that outlive the command which started them.

A process is ours only while its command line carries the token that it was started with, so a process id that the
system has given away again is never signalled.
"""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.layout import read_json, write_json
from deploy.local.problems import StackError

PROC = Path("/proc")
#: How long a running process may be without a command line.
_BLANK_SECONDS = 2.0
# A child that has ended stays in the process table until it is waited for, and a Popen that is dropped before warns.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Process:
    """One start of one part."""

    pid: int
    token: str  #: unique to this start, part of the command line


def new_token(name: str) -> str:
    """A token for one start of a part."""
    return f"{name}-{secrets.token_hex(8)}"


def start(record: Path, token: str, command: Sequence[str], output: Path, environment: Mapping[str, str]) -> Process:
    """Starts a command (which must carry the token) in a session of its own and notes it in ``record``.

    Raises:
        StackError: The program cannot be run.
    """
    forget_dead_children()
    with output.open("wb") as file:
        try:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise StackError(f"{command[0]} cannot be run: {error.strerror}") from error
    _children.append(child)
    process = Process(child.pid, token)
    record.parent.mkdir(parents=True, exist_ok=True)
    write_json(record, asdict(process))
    return process


def recorded(record: Path) -> Process | None:
    """The process that a record names, if it is alive and ours."""
    try:
        found = read_json(record)
        process = Process(int(str(found["pid"])), str(found["token"]))
    except (StackError, KeyError, ValueError):
        return None
    return process if is_alive(process) else None


def is_alive(process: Process) -> bool:
    """Whether the process runs and is the one that was started with its token."""
    forget_dead_children()
    deadline = time.monotonic() + _BLANK_SECONDS
    # A process has no command line at its very first moments and at its last.
    while not (command := command_line(process.pid)) and _is_running(process.pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    return process.token in command


def _is_running(pid: int) -> bool:
    """Whether the system still runs the process; False where it can't be looked up like this."""
    try:
        state = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"


def forget_dead_children() -> None:
    """Collects the ends of children of this process."""
    _children[:] = [child for child in _children if child.poll() is None]


def command_line(pid: int) -> str:
    """The command line of a process; empty where there is none (any more)."""
    if PROC.is_dir():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return _ps("-o", "command=", "-ww", "-p", str(pid))


def parents() -> dict[int, int]:
    """Every process id of the system with its parent's."""
    if not PROC.is_dir():
        rows = (line.split() for line in _ps("-axo", "pid=,ppid=").splitlines())
        return {int(pid): int(parent) for pid, parent in rows}
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                # The name stands in parentheses and may hold anything; after it come the state and the parent.
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    return found


def children(pid: int) -> list[int]:
    """The process ids of the direct children of a process, those that have ended left out."""
    return sorted(child for child, parent in parents().items() if parent == pid and command_line(child))


def stop_all(found: Sequence[Process], seconds: float) -> None:
    """Asks processes to end, ends those that have not within so many seconds, and returns when all are gone."""
    for process in found:
        send(process, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for process in found:
        if not wait_for_end(process, deadline - time.monotonic()):
            kill(process)


def end_leftovers(known: Mapping[int, str], seconds: float) -> None:
    """Waits for the end of processes, known by their command lines, that end with their parents; then ends them."""
    deadline = time.monotonic() + seconds
    for pid, command in known.items():
        while command and command_line(pid) == command:
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)


def kill(process: Process) -> None:
    """Ends a process at once and returns when it is gone.

    Raises:
        StackError: It is still there after ten seconds.
    """
    if send(process, signal.SIGKILL) and not wait_for_end(process, 10):
        raise StackError(f"process {process.pid} ({process.token}) does not end")


def send(process: Process, number: signal.Signals) -> bool:
    """Sends a signal if the process is alive and ours; tells whether it was."""
    if not is_alive(process):
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_for_end(process: Process, seconds: float) -> bool:
    """Waits at most so many seconds for the end of a process; tells whether it ended."""
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
