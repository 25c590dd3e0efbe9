"""The options of a run, parsed once into one frozen value."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from segmentation.suggestions import did_you_mean
from segmentation.units import MILLISECOND, parse_duration, parse_instant

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

DEFAULT_SHARDS = 8
MAX_SHARDS = 4096
DEFAULT_RUNNER = "FnApiRunner"
#: Runners that execute in this process, so that they can write files.
LOCAL_RUNNERS = ("FnApiRunner", "PrismRunner")
_ALIASES = {
    "fnapirunner": "FnApiRunner",
    "directrunner": "FnApiRunner",
    "direct": "FnApiRunner",
    "prism": "PrismRunner",
    "prismrunner": "PrismRunner",
}
_CLUSTER_RUNNERS = ("FlinkRunner", "DataflowRunner", "PortableRunner", "SparkRunner")
#: What `segments run` knows itself.
OWN_OPTIONS = (
    "--rules", "--events", "--changes", "--mapping", "--profiles", "--dead-letters", "--emit", "--until",
    "--max-disorder", "--shards", "--summary", "--runner", "--dry-run", "--quiet", "--verbose", "--help",
)  # fmt: skip


class OptionError(ValueError):
    """A bad value; the message starts with the option's name."""


@dataclass(frozen=True)
class RunOptions:
    """What `segments run` was asked to do.

    Times are µs. ``early``: also emit provisional changes as batches arrive. ``until``: settle up to there, None for
    the end of the log. ``beam_args`` go to Beam as they are; each of them is an option that Beam knows.
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
        paths = {"--rules": rules, "--events": events, "--changes": changes, "--mapping": mapping}
        paths |= {"--dead-letters": dead_letters, "--summary": summary}
        for option, path in paths.items():
            if path is not None:
                _check_path(option, path)
        if profiles is not None:
            _check_store(profiles)
        _check_beam_args(beam_args)
        return cls(
            rules=rules,
            events=events,
            changes=changes,
            dead_letters=default_dead_letters(changes) if dead_letters is None else dead_letters,
            mapping=mapping,
            profiles=profiles,
            early=_emit(emit) == "early",
            until=None if until is None else _parsed("--until", until, parse_instant),
            max_disorder=0 if max_disorder is None else _disorder(max_disorder),
            shards=DEFAULT_SHARDS if shards is None else _shards(shards),
            summary=summary,
            runner=DEFAULT_RUNNER if runner is None else _runner(runner),
            beam_args=beam_args,
        )


def default_dead_letters(changes: str) -> str:
    """Where dead letters go when nothing else is said: beside the changes."""
    stem = changes.removesuffix(".gz")
    for ending in (".jsonl", ".avro"):
        stem = stem.removesuffix(ending)
    return stem + ".dead-letters.jsonl"


def _check_path(option: str, text: str) -> None:
    scheme, separator, _ = text.partition("://")
    if separator:
        raise OptionError(f"{option}: {scheme}:// is not available yet; give the path of a file")
    if not text.strip():
        raise OptionError(f"{option}: expected the path of a file, found nothing")


def _check_store(url: str) -> None:
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise OptionError("--profiles: expected a URL such as sqlite:///out/profiles.db")
    if scheme != "sqlite":
        raise OptionError(f"--profiles: {scheme}:// is not available yet; write sqlite:///FILE")
    if not rest.startswith("/") or rest == "/":
        raise OptionError("--profiles: the URL names no file; write sqlite:///FILE, or sqlite:////FILE from the root")


def _emit(text: str | None) -> str | None:
    if text not in (None, "early", "settled"):
        raise OptionError(f"--emit: expected early or settled, found {text!r}")
    return text


def _shards(number: int) -> int:
    if not 1 <= number <= MAX_SHARDS:
        raise OptionError(f"--shards: expected 1 to {MAX_SHARDS}, found {number}")
    return number


def _runner(name: str) -> str:
    runner = _ALIASES.get(name.lower())
    if runner is not None:
        return runner
    if name.lower() in {known.lower() for known in _CLUSTER_RUNNERS}:
        raise OptionError(f"--runner: {name} is not available yet; expected one of {', '.join(LOCAL_RUNNERS)}")
    hint = did_you_mean(name, LOCAL_RUNNERS)
    raise OptionError(f"--runner: expected one of {', '.join(LOCAL_RUNNERS)}, found {name!r}{hint}")


def _disorder(text: str) -> int:
    micros = _parsed("--max-disorder", text, parse_duration)
    if micros % MILLISECOND:
        raise OptionError(f"--max-disorder: expected whole milliseconds, found {text!r}")
    return micros


def _parsed(option: str, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except (ValueError, OverflowError) as error:
        raise OptionError(f"{option}: {error}") from error


class _BeamParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(message.removeprefix("argument "))


def _check_beam_args(arguments: tuple[str, ...]) -> None:
    """Beam itself drops what it doesn't know with a warning, so that a typing error would change a run unseen."""
    if not arguments:
        return
    # Beam takes seconds to import; most command lines have nothing for it.
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = _BeamParser(prog="segments run", add_help=False, allow_abbrev=False, conflict_handler="resolve")
    for kind in sorted(set(_subclasses(PipelineOptions)), key=lambda kind: kind.__name__):
        kind._add_argparse_args(parser)  # type: ignore[arg-type]  # Beam's own parser has a private type
    parsed, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        name = unknown[0].partition("=")[0]
        if not name.startswith("-"):
            raise OptionError(f"unexpected argument {name!r}; every value belongs to an option")
        known = [option for option in parser._option_string_actions if option.startswith("--")]
        hint = did_you_mean(name, [*OWN_OPTIONS, *known])
        raise OptionError(f"{name}: there is no such option here or in Beam{hint}")
    if parsed.direct_running_mode == "multi_processing":
        raise OptionError("--direct_running_mode: multi_processing can't write local files; leave it out")


def _subclasses(kind: "type[PipelineOptions]") -> "Iterator[type[PipelineOptions]]":
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)
