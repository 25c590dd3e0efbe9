"""Beam's runners as `segments run` knows them, and what each of them reads."""

from collections.abc import Mapping
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
#: The first one that reads a kind of input is the default for it.
_READS: Final[Mapping[str, tuple[str, ...]]] = {
    LOCAL: (_FILES,),
    PRISM: (_FILES, PUBSUB),
    FLINK: (_KAFKA, PUBSUB),
    DATAFLOW: (PUBSUB,),
}
_ALIASES: Final = {
    "fnapirunner": LOCAL,
    "directrunner": LOCAL,
    "direct": LOCAL,
    "prism": PRISM,
    "prismrunner": PRISM,
    "flink": FLINK,
    "flinkrunner": FLINK,
    "dataflow": DATAFLOW,
    "dataflowrunner": DATAFLOW,
}
_LATER: Final = ("PortableRunner", "SparkRunner")


def choose_runner(name: str | None, events: Place) -> str:
    """The runner that ``name``, the value of ``--runner``, stands for; None: the usual one for ``events``.

    Raises:
        OptionError: there is no such runner, or it doesn't read such a place.
    """
    kind = events.scheme
    able = [runner for runner, kinds in _READS.items() if kind in kinds]
    if name is None:
        return able[0]
    runner = _runner(name)
    if runner not in able:
        hint = "; `segments replay` writes a log into a topic" if kind == _FILES else f"; write --runner {able[0]}"
        raise OptionError(f"--runner: {runner} does not read {kind}, {' and '.join(able)} {_do(able)}{hint}")
    return runner


def _do(runners: list[str]) -> str:
    return "does" if len(runners) == 1 else "do"


def _runner(name: str) -> str:
    runner = _ALIASES.get(name.lower())
    if runner is not None:
        return runner
    known = tuple(_READS)
    if name.lower() in {later.lower() for later in _LATER}:
        raise OptionError(f"--runner: {name} is not available yet; expected one of {', '.join(known)}")
    hint = did_you_mean(name, known)
    raise OptionError(f"--runner: expected one of {', '.join(known)}, found {name!r}{hint}")
