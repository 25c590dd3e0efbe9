"""The options of a run, parsed once into one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from segmentation.units import MILLISECOND, parse_duration, parse_instant

Emit = Literal["early", "settled"]

DEFAULT_SHARDS = 4
DEFAULT_RUNNER = "FnApiRunner"
#: Runners that execute in this process, so that they can write files, and what they are called for short.
LOCAL_RUNNERS = {"FnApiRunner", "PrismRunner"}
_ALIASES = {"fnapirunner": "FnApiRunner", "directrunner": "FnApiRunner", "direct": "FnApiRunner", "prism": "PrismRunner", "prismrunner": "PrismRunner"}


class OptionError(ValueError):
    """A bad value; the message starts with the option's name."""


@dataclass(frozen=True)
class RunOptions:
    """What `segments run` was asked to do.

    Times are µs. ``early``: also emit provisional changes as batches arrive. ``until``: the last tick to settle, None for
    the end of the log. ``beam_args`` go to Beam as they are.
    """

    rules: str
    events: str
    changes: str
    dead_letters: str
    mapping: str | None
    profiles: str | None
    early: bool
    until: int | None
    max_disorder: int
    shards: int
    summary: str | None
    runner: str
    beam_args: tuple[str, ...]

    @classmethod
    def parse(
        cls,
        *,
        rules: str,
        events: str,
        changes: str,
        mapping: str | None = None,
        profiles: str | None = None,
        dead_letters: str | None = None,
        emit: str | None = None,
        until: str | None = None,
        max_disorder: str | None = None,
        shards: int | None = None,
        summary: str | None = None,
        runner: str | None = None,
        beam_args: tuple[str, ...] = (),
    ) -> "RunOptions":
        """From the texts of a command line.

        Raises:
            OptionError: a value can't be used; the message names the option.
        """
        for option, value in (("--events", events), ("--changes", changes)):
            scheme = value.partition("://")[0]
            if "://" in value:
                raise OptionError(f"{option}: {scheme}:// is not available in this version; give a path")
        if emit not in (None, "early", "settled"):
            raise OptionError(f"--emit: expected early or settled, found {emit!r}")
        shards = DEFAULT_SHARDS if shards is None else shards
        if not 1 <= shards <= 4096:
            raise OptionError(f"--shards: expected 1 to 4096, found {shards}")
        return cls(
            rules=rules,
            events=events,
            changes=changes,
            dead_letters=default_dead_letters(changes) if dead_letters is None else dead_letters,
            mapping=mapping,
            profiles=profiles,
            early=emit == "early",
            until=None if until is None else _parsed("--until", until, parse_instant),
            max_disorder=0 if max_disorder is None else _disorder(max_disorder),
            shards=shards,
            summary=summary,
            runner=_runner(runner),
            beam_args=beam_args,
        )


def default_dead_letters(changes: str) -> str:
    """Where dead letters go when nothing else is said: beside the changes."""
    stem = changes.removesuffix(".gz")
    for ending in (".jsonl", ".avro"):
        stem = stem.removesuffix(ending)
    return stem + ".dead-letters.jsonl"


def _runner(name: str | None) -> str:
    if name is None:
        return DEFAULT_RUNNER
    runner = _ALIASES.get(name.lower())
    if runner is None:
        raise OptionError(f"--runner: expected one of {', '.join(sorted(LOCAL_RUNNERS))}, found {name!r}")
    return runner


def _disorder(text: str) -> int:
    micros = _parsed("--max-disorder", text, parse_duration)
    if micros % MILLISECOND:
        raise OptionError(f"--max-disorder: expected whole milliseconds, found {text!r}")
    return micros


def _parsed(option: str, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise OptionError(f"{option}: {error}") from error
