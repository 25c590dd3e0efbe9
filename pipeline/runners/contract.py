"""What every runner does: check a run, describe it, start it and follow it.

A runner is a module with a function ``check``, entered in `pipeline.runners.choice`. Its modules may import Beam:
they are imported only when a command needs them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from pipeline.runners.choice import module_of
from pipeline.runners.importing import imported_once

if TYPE_CHECKING:
    from pipeline.inputs import Inputs
    from pipeline.options.run_options import RunOptions
    from pipeline.runners.summary import Summary


@dataclass(frozen=True)
class Voice:
    """How a runner speaks to the person who started a run: lines on standard error."""

    quiet: bool = False

    def say(self, line: str) -> None:
        """Say what has to be known in any case."""
        typer.echo(line, err=True)

    def report(self, line: str) -> None:
        """Say how the run goes on, unless ``--quiet`` is given."""
        if not self.quiet:
            self.say(line)


class Job(ABC):
    """A run that has started."""

    #: By which its runner knows it; None where nothing but this process knows of it.
    id: str | None

    @abstractmethod
    def follow(self, voice: Voice) -> "Summary | None":
        """Return when the run has ended, or can be left alone; with its numbers, where they are to be shown.

        Raises:
            Exception: the run failed.
        """


@dataclass(frozen=True)
class Launch(ABC):
    """A run that has been checked and can start."""

    options: "RunOptions"
    inputs: "Inputs"

    @abstractmethod
    def describe(self) -> str:
        """What the run would do, for ``--dry-run``; nothing is started and nothing is written."""

    @abstractmethod
    def start(self, voice: Voice) -> Job:
        """Hand the run to what executes it.

        Raises:
            TopicError: a broker doesn't answer or refuses.
            Exception: what executes it can't be reached, or refuses.
        """


def check_with(runner: str, options: "RunOptions", inputs: "Inputs") -> Launch:
    """Check all that a runner needs besides what `load_inputs` has checked, by the ``check`` of its module.

    Raises:
        UsageError: something is missing.
    """
    with imported_once():
        module = import_module(module_of(runner))
    launch: Launch = module.check(options, inputs)
    return launch
