"""CPU time and memory of the TaskManager and its Python workers, from Linux's /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """What the TaskManager and what runs below it have used."""

    #: CPU seconds since they started: of the JVM, and of the processes below it.
    jvm_cpu: float
    worker_cpu: float
    #: Resident memory, in bytes.
    jvm_memory: int
    worker_memory: int

    @property
    def cpu(self) -> float:
        """CPU seconds of all together."""
        return self.jvm_cpu + self.worker_cpu


def usage(taskmanager: int) -> Usage:
    """The usage of a TaskManager (its process id) and of all processes below it, now."""
    parents = _parents()
    jvm = _one(taskmanager)
    cpu, memory = 0.0, 0
    below = [taskmanager]
    while below:
        parent = below.pop()
        for child in (pid for pid, its in parents.items() if its == parent):
            below.append(child)
            seconds, size = _one(child)
            cpu += seconds
            memory += size
    return Usage(jvm[0], cpu, jvm[1], memory)


def _parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields:
                found[int(folder.name)] = int(fields[1])
    return found


def _one(pid: int) -> tuple[float, int]:
    """CPU seconds, with those of children that have ended, and resident bytes; zeros for a process that is gone."""
    fields = _stat(pid)
    if not fields:
        return 0.0, 0
    return sum(map(int, fields[11:15])) / _TICK, int(fields[21]) * _PAGE


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the third, the state, on: the second may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
