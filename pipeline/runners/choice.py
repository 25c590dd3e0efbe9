"""Beam's runners as `segments run` knows them, and what each of them reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.io.place import Place
from pipeline.options.errors import OptionError
from segmentation.documents.suggestions import did_you_mean

LOCAL: Final = "FnApiRunner"
PRISM: Final = "PrismRunner"
FLINK: Final = "FlinkRunner"
DATAFLOW: Final = "DataflowRunner"

_FILES: Final = "files"
_KAFKA: Final = "kafka://"
PUBSUB: Final = "pubsub://"


@dataclass(frozen=True)
class _Kind:
    """A runner: other names for it in lower case, the schemes that it reads, and the module with its contract."""

    aliases: tuple[str, ...]
    reads: tuple[str, ...]
    module: str  #: beside this one; imported when it is chosen: most need Beam


#: A new runner is entered here. The first one that reads a kind of input is the default for it.
_RUNNERS: Final[Mapping[str, _Kind]] = {
    LOCAL: _Kind(("fnapirunner", "directrunner", "direct"), (_FILES,), ".local"),
    PRISM: _Kind(("prism", "prismrunner"), (_FILES, PUBSUB), ".prism.job"),
    FLINK: _Kind(("flink", "flinkrunner"), (_KAFKA, PUBSUB), ".flink.job"),
    DATAFLOW: _Kind(("dataflow", "dataflowrunner"), (PUBSUB,), ".dataflow.job"),
}
_LATER: Final = ("PortableRunner", "SparkRunner")


def choose_runner(name: str | None, events: Place) -> str:
    """The runner that ``name``, the value of ``--runner``, stands for; None: the usual one for ``events``.

    Raises:
        OptionError: there is no such runner, or it doesn't read such a place.
    """
    kind = events.scheme
    able = [runner for runner, each in _RUNNERS.items() if kind in each.reads]
    if name is None:
        return able[0]
    runner = _runner(name)
    if runner not in able:
        hint = "; `segments replay` writes a log into a topic" if kind == _FILES else f"; write --runner {able[0]}"
        raise OptionError(f"--runner: {runner} does not read {kind}, {' and '.join(able)} {_do(able)}{hint}")
    return runner


def module_of(runner: str) -> str:
    """The name of the module that has its contract."""
    return f"{__package__}{_RUNNERS[runner].module}"


def _do(runners: list[str]) -> str:
    return "does" if len(runners) == 1 else "do"


def _runner(name: str) -> str:
    for runner, kind in _RUNNERS.items():
        if name.lower() in kind.aliases:
            return runner
    known = tuple(_RUNNERS)
    if name.lower() in {later.lower() for later in _LATER}:
        raise OptionError(f"--runner: {name} is not available yet; expected one of {', '.join(known)}")
    hint = did_you_mean(name, known)
    raise OptionError(f"--runner: expected one of {', '.join(known)}, found {name!r}{hint}")
