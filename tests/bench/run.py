"""`make bench`: this project and its peers on one generated log, each as a whole process, measured in one run.

The numbers inform; none of them fails the run. Only a program that fails does (exit code 1).

Run: python -m tests.bench.run [--large] [--repeat N] [--only NAME …]
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.bench.measure import Measurement, measure
from tests.bench.peers import BYTEWAX, IMPORT, LIMIT, LOOP, NAIVE, OURS, ROOT, Peer, all_peers, sample_lines

EVENTS = 1_000_000
LARGE = 4_000_000
USERS = 100_000
DAYS = 14
SEED = 1


@dataclass(frozen=True)
class Result:
    """What the runs of one peer on one log came to."""

    name: str
    #: Size of the log it belongs to.
    log_events: int
    #: Events that the peer got.
    events: int
    #: Median of the runs.
    seconds: float
    runs: tuple[float, ...]
    #: The highest of the runs, in 10^6 bytes.
    peak_mb: float
    exit_code: int

    @property
    def rate(self) -> float:
        """Events a second, start-up included; 0 where there were no events."""
        return self.events / self.seconds


def generate(events: int, folder: Path) -> Path:
    """Writes the log in a process of its own, which keeps this one small."""
    log = folder / f"zipf-{events}.jsonl"
    code = (
        f"from pipeline.traffic.zipf import zipf_events; zipf_events({events}, {USERS}, {DAYS}, {SEED}, {str(log)!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return log


def run_peers(peers: Sequence[Peer], events: int, repeat: int, folder: Path) -> list[Result]:
    """Measures the peers in turns, so that what else happens on the machine meets all of them."""
    log = generate(events, folder)
    runs: dict[str, list[Measurement]] = {peer.name: [] for peer in peers}
    for turn in range(repeat):
        for peer in peers:
            if turn and peer.once:
                continue
            runs[peer.name].append(run_once(peer, log, events, folder))
    return [summarise(peer, events, runs[peer.name]) for peer in peers]


def run_once(peer: Peer, log: Path, events: int, folder: Path) -> Measurement:
    """Measures one run of one peer, with its outputs in a folder of its own."""
    out = folder / peer.name.replace(" ", "-")
    out.mkdir(exist_ok=True)
    if peer.sample:
        log = sample_lines(log, events, peer.sample, out / "sample.jsonl")
    print(f"  {peer.name} …", end=" ", flush=True)
    run = measure(peer.command(log, out), out / "output.log")
    print(f"{run.seconds:.2f} s" if run.exit_code == 0 else f"failed ({run.exit_code}), see {out / 'output.log'}")
    return run


def summarise(peer: Peer, events: int, runs: Sequence[Measurement]) -> Result:
    """The median time, the highest peak and the worst exit code of a peer's runs."""
    return Result(
        name=peer.name,
        log_events=events,
        events=events if peer.sample is None else peer.sample,
        seconds=median(run.seconds for run in runs),
        runs=tuple(round(run.seconds, 3) for run in runs),
        peak_mb=max(run.peak_bytes for run in runs) / 1e6,
        exit_code=next((run.exit_code for run in runs if run.exit_code), 0),
    )


def ratios(results: Sequence[Result]) -> dict[str, float]:
    """This project's rate over each peer's at each size, and how time and memory grow with the events.

    The naive pipeline gets few events, so importing Beam is taken off its time: it would make the ratio flattering.
    """
    good = {(result.name, result.log_events): result for result in results if result.exit_code == 0}
    found = {}
    for (name, size), peer in good.items():
        ours = good.get((OURS, size))
        if ours is not None and name not in (OURS, IMPORT):
            started = good.get((IMPORT, size)) if name == NAIVE else None
            seconds = peer.seconds - (started.seconds if started is not None else 0.0)
            found[f"rate, {OURS} / {name}, {size:,} events"] = ours.rate * seconds / peer.events
    small, large = good.get((OURS, EVENTS)), good.get((OURS, LARGE))
    if small is not None and large is not None:
        found[f"time, {LARGE:,} / {EVENTS:,} events"] = large.seconds / small.seconds
        found["bytes for each further event"] = (large.peak_mb - small.peak_mb) * 1e6 / (LARGE - EVENTS)
    return found


def report(results: Sequence[Result], found: dict[str, float]) -> str:
    """The table that people read."""
    lines = [f"{'':14}{'events':>12}{'seconds':>10}{'events/s':>12}{'peak MB':>10}"]
    for result in results:
        if result.exit_code:
            lines.append(f"{result.name:14}{result.events:>12,}  failed with exit code {result.exit_code}")
            continue
        rate = f"{result.rate:,.0f}" if result.events else "-"
        lines.append(f"{result.name:14}{result.events:>12,}{result.seconds:>10.2f}{rate:>12}{result.peak_mb:>10,.0f}")
    return "\n".join([*lines, "", *(f"{name:46}{value:>10,.2f}" for name, value in found.items())])


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure this project and its peers.")
    parser.add_argument("--large", action="store_true", help=f"measure {LARGE:,} events too")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program that does not take long (3)")
    parser.add_argument("--naive-events", type=int, default=2_000, help="events for the naive Beam pipeline (2000)")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[OURS, LOOP, LIMIT, NAIVE, BYTEWAX, IMPORT],
        metavar="NAME",
        help="these programs only",
    )
    return parser.parse_args(arguments)


def main() -> int:
    """Measures, prints the table and writes build/bench.json; exit code 1 where a program failed."""
    chosen = options()
    os.chdir(ROOT)
    folder = Path("build/bench")
    folder.mkdir(parents=True, exist_ok=True)
    peers = [peer for peer in all_peers(chosen.naive_events) if not chosen.only or peer.name in chosen.only]
    if not any(peer.name == BYTEWAX for peer in peers) and not chosen.only:
        print("bytewax is left out: it could not be installed for this Python")
    load = os.getloadavg()[0]
    print(f"{USERS:,} users (Zipf), {DAYS} days; {os.cpu_count()} cores, load {load:.2f}")
    results = run_peers(peers, EVENTS, chosen.repeat, folder)
    if chosen.large:
        results += run_peers([peer for peer in peers if peer.large], LARGE, chosen.repeat, folder)
    found = ratios(results)
    print(f"\n{report(results, found)}")
    machine = {"cores": os.cpu_count(), "load": load, "python": platform.python_version(), "system": platform.system()}
    content = {"machine": machine, "results": [asdict(result) for result in results], "ratios": found}
    Path("build/bench.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 1 if any(result.exit_code for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
