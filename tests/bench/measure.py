"""Runs a program as a whole, from start to exit, and measures its wall time and its peak memory."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Unit of ``ru_maxrss`` in bytes: the kernels differ.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measurement:
    """One run of one program."""

    #: From the start of the process to its exit.
    seconds: float
    #: The largest resident set of the process or of a child that it waited for, in bytes.
    peak_bytes: int
    #: 0 for success; a negative number is the signal that ended it.
    exit_code: int


def measure(command: Sequence[str | Path], log: Path) -> Measurement:
    """Runs ``command`` with its output in ``log``.

    The kernel starts a program's peak memory at that of the process that starts it, so the caller must be small.
    """
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measurement(seconds, usage.ru_maxrss * _MAXRSS_UNIT, process.returncode)
