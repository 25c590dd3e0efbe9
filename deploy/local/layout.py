"""Where the stack keeps its files, and the two that outlive a command: ``settings.json`` and ``stack.json``."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypedDict

from deploy.local.problems import StackError


def cache_folder() -> Path:
    """The folder of downloads and builds, shared by all stacks of a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segment-pipeline"


def default_folder() -> Path:
    """The stack's folder where none is named: ``SEGMENTS_STACK`` or, without it, ``stack`` in the cache."""
    named = os.environ.get("SEGMENTS_STACK")
    return Path(named) if named else cache_folder() / "stack"


def scratch_of(folder: Path, name: str) -> Path:
    """The folder of a part's temporary files; emptied whenever the part starts."""
    return folder / "tmp" / name


@dataclass(frozen=True)
class Addresses:
    """Where the parts of a running stack answer."""

    flink: str  #: URL of Flink's REST API and web console
    job_endpoint: str  #: host:port of Beam's job server
    expansion: str  #: host:port of Beam's expansion service
    kafka: str  #: host:port of the broker
    checkpoints: str  #: folder, absolute
    savepoints: str  #: folder, absolute

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The addresses that ``up`` left in a stack's folder.

        Raises:
            StackError: No stack was started there, or its ``stack.json`` is damaged.
        """
        file = folder / "stack.json"
        found = read_json(file)
        names = [each.name for each in fields(cls)]
        if not all(isinstance(found.get(name), str) for name in names):
            raise StackError(f"{file} is damaged: take the stack down and start it again")
        return cls(**{name: str(found[name]) for name in names})


@dataclass(frozen=True)
class Ports:
    """A port for everything that listens at a known place; all on 127.0.0.1."""

    flink: int = 8081
    rpc: int = 6123
    job: int = 8099
    artifacts: int = 8098
    expansion: int = 8097
    kafka: int = 9092
    controller: int = 9093


@dataclass(frozen=True)
class Settings:
    """What a stack was started with. Memory is in Flink's notation (``4g``, ``768m``)."""

    taskmanagers: int = 1
    slots: int = 4  #: of each TaskManager
    jobmanager_memory: str = "1g"
    taskmanager_memory: str = "3500m"
    metrics: str = ""  #: ports of Flink's Prometheus reporters (``9249-9260``); empty: none
    java: str = ""
    flink_home: str = ""
    kafka_jars: str = ""
    beam_jar: str = ""
    ports: Ports = field(default_factory=Ports)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The settings that ``up`` left in a stack's folder.

        Raises:
            StackError: There are none, or they are damaged.
        """
        file = folder / "settings.json"
        found: dict[str, Any] = dict(read_json(file))
        try:
            return cls(**{**found, "ports": Ports(**found["ports"])})
        except (KeyError, TypeError) as error:
            raise StackError(f"{file} is damaged: take the stack down and start it again") from error

    def write(self, folder: Path) -> None:
        """Keeps the settings in the stack's folder."""
        write_json(folder / "settings.json", asdict(self))


class Wanted(TypedDict, total=False):
    """What a stack may be asked for, by the names of `Settings`; None is the same as nothing."""

    taskmanagers: int | None
    slots: int | None
    jobmanager_memory: str | None
    taskmanager_memory: str | None
    metrics: str | None


def read_json(file: Path) -> Mapping[str, object]:
    """The object in a file.

    Raises:
        StackError: There is no such file, or no object in it.
    """
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        raise StackError(f"{file.parent} has no {file.name}: no stack was started there") from None
    except ValueError as error:
        raise StackError(f"{file} is damaged: take the stack down and start it again") from error
    if not isinstance(found, dict):
        raise StackError(f"{file} is damaged: take the stack down and start it again")
    return found


def write_json(file: Path, content: Mapping[str, object]) -> None:
    """Writes a file that readers see whole or not at all."""
    staging = file.with_suffix(f".{os.getpid()}")
    staging.write_text(json.dumps(content, indent=2) + "\n")
    staging.replace(file)
