"""The local stack as a whole: up, down, status, and faults for tests."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from deploy.local import health, processes
from deploy.local.artifacts import clean_artifacts
from deploy.local.broker import prepare_broker
from deploy.local.cluster import write_flink_configuration
from deploy.local.downloads import beam_jar, check_disk, flink_home, kafka_jars
from deploy.local.java import find_java
from deploy.local.layout import Addresses, Settings, Wanted, cache_folder, default_folder, write_json
from deploy.local.locks import locked
from deploy.local.parts import Part, PartStatus, await_answer, launch, parts_of, record_of
from deploy.local.ports import HOST, choose_ports
from deploy.local.problems import PortTakenError, StackError
from deploy.local.processes import Process

#: How often ports are chosen anew where another program takes one before its part listens.
PORT_CHOICES = 3


def to_stderr(line: str) -> None:
    """Shows a line of progress."""
    sys.stderr.write(f"stack: {line}\n")
    sys.stderr.flush()


def _given(options: Mapping[str, object]) -> dict[str, Any]:
    """The options that were not left out."""
    for name in ("taskmanagers", "slots"):
        value = options.get(name)
        if isinstance(value, int) and not 1 <= value <= 64:
            raise StackError(f"--{name}: {value} is not between 1 and 64")
    return {name: value for name, value in options.items() if value is not None}


class Stack:
    """A Kafka broker, a Flink cluster and Beam's services on this machine, with all their files in one folder.

    Every call sees the stack as it is: another process may have started it or taken it down.
    """

    def __init__(self, folder: Path | None = None, say: Callable[[str], None] = to_stderr) -> None:
        """Names the folder (:func:`default_folder` without one) and who is told of progress."""
        self.folder = (folder or default_folder()).expanduser().resolve()
        self._say = say

    def up(self, **options: Unpack[Wanted]) -> Addresses:
        """Starts what does not run yet and returns when every part works.

        Workers get the environment that their TaskManager was started with. What is left out is as the running stack
        has it or, where none runs, as :class:`Settings` says; of a running stack only the number of TaskManagers can
        be changed.

        Raises:
            StackError: Java, Maven, disk, a port or a download is missing; or a part does not start.
        """
        wanted = _given(options)
        check_disk(self.folder)
        with locked(self.folder):
            if self._running():
                return self._up(self._settled(wanted))
            # Two stacks that start at the same time would choose the same ports: none listens yet.
            with locked(cache_folder() / "starting"):
                settings = self._fresh(wanted)
                for _ in range(PORT_CHOICES):
                    with suppress(PortTakenError):
                        return self._up(replace(settings, ports=choose_ports()))
                raise StackError("ports are taken as soon as they are chosen; try again when fewer programs start here")

    def down(self) -> None:
        """Stops every part; returns when all are gone. What is stored stays: topics, checkpoints, savepoints, logs."""
        if not self.folder.is_dir():
            return
        with locked(self.folder):
            (self.folder / "stack.json").unlink(missing_ok=True)
            self._stop(self._running())

    def wipe(self) -> None:
        """Removes the folder with everything stored in it.

        Raises:
            StackError: A part runs.
        """
        if not self.folder.is_dir():
            return
        with locked(self.folder):
            if self._running():
                raise StackError(f"{self.folder}: the stack runs; take it down first")
            shutil.rmtree(self.folder)

    def status(self) -> list[PartStatus]:
        """Every part with its process and whether it works; none where nothing was ever started."""
        try:
            settings = Settings.read(self.folder)
        except StackError:
            return []
        return [self._status(part) for part in parts_of(self.folder, settings).values()]

    def addresses(self) -> Addresses:
        """The addresses that the last ``up`` gave.

        Raises:
            StackError: The stack was not started, or was taken down.
        """
        return Addresses.read(self.folder)

    def start(self, name: str) -> None:
        """Starts one part of a stack that was up, if it does not run, and returns when it works.

        Raises:
            StackError: There is no such part, or it does not start.
        """
        with locked(self.folder):
            self._start([self._part(name)], Settings.read(self.folder))

    def kill(self, name: str) -> None:
        """Ends one part without warning (SIGKILL) and returns when its process is gone.

        Raises:
            StackError: There is no such part, or it does not run.
        """
        self._part(name)
        process = self._process(name)
        if process is None:
            raise StackError(f"{name} does not run")
        processes.kill(process)

    def pid(self, name: str) -> int | None:
        """The process id of a part; None while it does not run."""
        process = self._process(name)
        return process.pid if process else None

    def _up(self, settings: Settings) -> Addresses:
        settings.write(self.folder)
        write_flink_configuration(self.folder, settings)
        prepare_broker(self.folder, settings)
        parts = parts_of(self.folder, settings)
        self._stop([name for name in self._running() if name not in parts])
        starts = health.starts_of_jobs(self._addresses(settings).flink)
        staging = self._process("jobserver") is not None
        clean_artifacts(self.folder / "artifacts", starts, time.time(), staging)
        self._start(list(parts.values()), settings)
        addresses = self._addresses(settings)
        write_json(self.folder / "stack.json", vars(addresses))
        return addresses

    def _fresh(self, wanted: dict[str, Any]) -> Settings:
        java = find_java()
        settings = Settings(
            java=java,
            flink_home=str(flink_home(self._say)),
            kafka_jars=str(kafka_jars(self._say)),
            beam_jar=str(beam_jar(self._say)),
        )
        return replace(settings, **wanted)

    def _settled(self, wanted: dict[str, Any]) -> Settings:
        running = Settings.read(self.folder)
        for name, value in wanted.items():
            if name != "taskmanagers" and getattr(running, name) != value:
                option = name.replace("_", "-")
                raise StackError(
                    f"--{option}: the stack runs with {getattr(running, name)}; take it down to change that"
                )
        return replace(running, **wanted)

    def _start(self, parts: list[Part], settings: Settings) -> None:
        """Starts those that do not run, side by side, and waits for all; on failure nothing it started is left."""
        running = {part.name: process for part in parts if (process := self._process(part.name))}
        missing = [part for part in parts if part.name not in running]
        if missing:
            self._say(f"starting {', '.join(part.name for part in missing)}")
        environment = {**os.environ, "FLINK_PLUGINS_DIR": f"{settings.flink_home}/plugins"}
        started: dict[str, Process] = {}
        try:
            for part in missing:
                started[part.name] = launch(self.folder, part, environment)
            for part in parts:
                await_answer(self.folder, part, (running | started)[part.name])
        except BaseException:
            for process in started.values():
                processes.kill(process)
            raise

    def _stop(self, names: list[str]) -> None:
        found = [process for name in names if (process := self._process(name))]
        workers = {pid: processes.command_line(pid) for process in found for pid in processes.children(process.pid)}
        processes.stop_all(found, 20)
        processes.end_leftovers(workers, 10)
        for name in names:
            record_of(self.folder, name).unlink(missing_ok=True)

    def _status(self, part: Part) -> PartStatus:
        process = self._process(part.name)
        if process is None:
            return PartStatus(part.name, None, part.address, "down")
        return PartStatus(
            part.name, process.pid, part.address, "up" if part.answers(process.token) else "not answering"
        )

    def _part(self, name: str) -> Part:
        parts = parts_of(self.folder, Settings.read(self.folder))
        if name not in parts:
            raise StackError(f"{name}: no such part; there are {', '.join(parts)}")
        return parts[name]

    def _process(self, name: str) -> Process | None:
        return processes.recorded(record_of(self.folder, name))

    def _running(self) -> list[str]:
        names = sorted(file.stem for file in (self.folder / "run").glob("*.json"))
        return [name for name in names if self._process(name)]

    def _addresses(self, settings: Settings) -> Addresses:
        ports = settings.ports
        return Addresses(
            flink=f"http://{HOST}:{ports.flink}",
            job_endpoint=f"{HOST}:{ports.job}",
            expansion=f"{HOST}:{ports.expansion}",
            kafka=f"{HOST}:{ports.kafka}",
            checkpoints=str(self.folder / "checkpoints"),
            savepoints=str(self.folder / "savepoints"),
        )
