"""The programs that `make bench` measures, each with the part of the log that it gets."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"
PEER_PYTHON = ROOT / ".tools" / "bench" / "bin" / "python"

OURS = "this project"
LOOP = "plain loop"
NAIVE = "naive Beam"
LIMIT = "batch limit"
BYTEWAX = "bytewax"
IMPORT = "import Beam"


@dataclass(frozen=True)
class Peer:
    """A program to measure."""

    name: str
    #: From the log and a folder for outputs to the command line.
    command: Callable[[Path, Path], list[str | Path]]
    #: Number of events it gets, evenly spaced over the log; None for all of them.
    sample: int | None = None
    #: Whether it runs once only, as it takes long.
    once: bool = False
    #: Whether it is measured on the larger log too.
    large: bool = False


def all_peers(naive_events: int) -> list[Peer]:
    """Every program that can run here; bytewax is among them only where its environment is there."""
    peers = [
        Peer(IMPORT, import_beam, sample=0),
        Peer(OURS, segments_run, large=True),
        Peer(LOOP, module("plain_loop"), large=True),
        Peer(LIMIT, module("limit"), large=True),
    ]
    if PEER_PYTHON.exists():
        peers.append(Peer(BYTEWAX, bytewax_flow))
    return [*peers, Peer(NAIVE, module("naive_beam"), sample=naive_events, once=True)]


def import_beam(_log: Path, _out: Path) -> list[str | Path]:
    """No work at all: what every Beam program pays before it starts."""
    return [sys.executable, "-c", "import apache_beam"]


def bytewax_flow(log: Path, out: Path) -> list[str | Path]:
    """bytewax, in the environment of its own."""
    return [PEER_PYTHON, BENCH / "bytewax_flow.py", log, out / "bytewax.tsv"]


def segments_run(log: Path, out: Path) -> list[str | Path]:
    """The project's bounded run: one process, everything included."""
    segments = Path(sys.executable).with_name("segments")
    files: list[str | Path] = ["--events", log, "--changes", out / "changes.jsonl", "--summary", out / "summary.json"]
    return [segments, "run", "--rules", BENCH / "rules.yaml", *files]


def module(name: str) -> Callable[[Path, Path], list[str | Path]]:
    """A peer in this folder, run in the project's own environment."""
    return lambda log, out: [sys.executable, "-m", f"tests.bench.{name}", log, out / f"{name}.out"]


def sample_lines(log: Path, events: int, count: int, out: Path) -> Path:
    """Writes ``count`` lines, evenly spaced, of a log of ``events`` lines; returns ``out``."""
    with log.open("rb") as lines, out.open("wb") as sample:
        sample.writelines(islice(lines, 0, None, max(events // max(count, 1), 1)))
    return out
