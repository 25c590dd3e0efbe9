"""Beam options that a profile adds to a command line, each with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One option of a run. ``value`` is None for a switch; ``why`` is for people."""

    name: str
    value: str | None
    why: str

    def __str__(self) -> str:
        """As it is written on a command line."""
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


def render(settings: Iterable[Setting], beam_args: Iterable[str] = ()) -> str:
    """The settings as people read them, an option a line, for ``--dry-run``."""
    rows = [(str(setting), setting.why) for setting in settings]
    rows += [(argument, "from the command line") for argument in beam_args]
    width = min(max((len(option) for option, _ in rows), default=0), 60)
    return "".join(f"  {option:<{width}}  {why}\n" for option, why in rows)


def as_arguments(settings: Iterable[Setting], beam_args: Iterable[str]) -> list[str]:
    """All Beam options of a run: its settings, then those of the command line."""
    return [*map(str, settings), *beam_args]


def given(beam_args: Iterable[str]) -> dict[str, str]:
    """Name -> value of the options on a command line, where the value may be the next word."""
    found: dict[str, str] = {}
    name = ""
    for argument in beam_args:
        if argument.startswith("--"):
            name, _, value = argument.removeprefix("--").partition("=")
            found[name] = value
        elif name:
            found[name] = argument
    return found
