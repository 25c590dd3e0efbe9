"""The parts of a stack: how each is started, and how it is known to work."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from deploy.local import broker, cluster, health, processes
from deploy.local.layout import Settings, scratch_of
from deploy.local.ports import HOST, accepts, is_free
from deploy.local.problems import PortTakenError, StackError, tail

#: How long a part may take to come up; on a machine with nothing else to do it takes a tenth of that.
START_SECONDS = 180.0
#: How long a port may stay taken after the process that had it has ended.
PORT_SECONDS = 5.0


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    address: str  #: where it is reached; a TaskManager by its JobManager
    listens: tuple[int, ...]  #: ports that must be free before it starts
    command: Callable[[str], list[str]]  #: from the token of the start
    answers: Callable[[str], bool]  #: whether it works, from the token of its start


@dataclass(frozen=True)
class PartStatus:
    """One part, as it is now."""

    name: str
    pid: int | None
    address: str
    state: Literal["up", "down", "not answering"]


def taskmanager_names(count: int) -> list[str]:
    """The names of so many TaskManagers: ``taskmanager``, ``taskmanager-2``, …"""
    return ["taskmanager" if number == 1 else f"taskmanager-{number}" for number in range(1, count + 1)]


def parts_of(folder: Path, settings: Settings) -> dict[str, Part]:
    """The parts of a stack by name, in the order in which they are started."""
    ports = settings.ports
    flink = f"http://{HOST}:{ports.flink}"
    found = [
        Part(
            "jobmanager",
            flink,
            (ports.flink, ports.rpc),
            lambda token: cluster.jobmanager_command(folder, settings, token),
            lambda _: health.jobmanager_answers(flink),
        ),
        Part(
            "broker",
            f"{HOST}:{ports.kafka}",
            (ports.kafka, ports.controller),
            lambda token: broker.broker_command(folder, settings, token),
            lambda _: health.broker_answers(ports.kafka),
        ),
        Part(
            "jobserver",
            f"{HOST}:{ports.job}",
            (ports.job, ports.artifacts),
            lambda token: cluster.job_server_command(folder, settings, token),
            lambda _: accepts(ports.job) and accepts(ports.artifacts),
        ),
        Part(
            "expansion",
            f"{HOST}:{ports.expansion}",
            (ports.expansion,),
            lambda token: cluster.expansion_command(folder, settings, token),
            lambda _: accepts(ports.expansion),
        ),
    ]
    found += [_taskmanager(folder, settings, flink, name) for name in taskmanager_names(settings.taskmanagers)]
    return {part.name: part for part in found}


def _taskmanager(folder: Path, settings: Settings, flink: str, name: str) -> Part:
    return Part(
        name,
        flink,
        (),
        lambda token: cluster.taskmanager_command(folder, settings, token, name),
        lambda token: health.taskmanager_registered(flink, token, settings.slots),
    )


def record_of(folder: Path, name: str) -> Path:
    """The file that says which process a part is."""
    return folder / "run" / f"{name}.json"


def launch(folder: Path, part: Part, environment: Mapping[str, str]) -> processes.Process:
    """Starts a part without waiting for it. It gets the environment, and so do its workers.

    Raises:
        PortTakenError: One of its ports is not free any more.
        StackError: It cannot be started.
    """
    for port in part.listens:
        if not health.wait_until(partial(is_free, port), PORT_SECONDS, alive=lambda: True):
            raise PortTakenError(
                f"{part.name}: another program has taken port {port}; take the stack down and up again"
            )
    scratch = scratch_of(folder, part.name)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    token = processes.new_token(part.name)
    log = log_of(folder, part.name)
    if log.exists():
        log.replace(log.with_suffix(".log.old"))
    return processes.start(
        record_of(folder, part.name), token, part.command(token), output_of(folder, part.name), environment
    )


def await_answer(folder: Path, part: Part, process: processes.Process) -> None:
    """Waits until a started part works.

    Raises:
        StackError: It ended, or did not work in time; with the end of its log.
    """
    answered = health.wait_until(
        lambda: part.answers(process.token), START_SECONDS, lambda: processes.is_alive(process)
    )
    if not answered:
        what = f"did not answer within {START_SECONDS:.0f} s" if processes.is_alive(process) else "ended while starting"
        logs = [file for file in (output_of(folder, part.name), log_of(folder, part.name)) if file.exists()]
        said = "\n".join(f"  {file}:\n{tail(file)}" for file in logs)
        raise StackError(f"{part.name} {what}; the end of its logs:\n{said}")


def log_of(folder: Path, name: str) -> Path:
    """The log that a part writes itself."""
    return folder / "logs" / f"{name}.log"


def output_of(folder: Path, name: str) -> Path:
    """What a part prints."""
    return folder / "logs" / f"{name}.out"
