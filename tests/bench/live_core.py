"""What the live path costs without an engine: CPU microseconds per event and milliseconds per call, phase by phase.

Bundles of events go through decoding, sharding and both stateful stages just as a runner calls them, with state in
memory and timers in the order of event time. A warm-up comes first, so that tables have users and ticks have settled.

Run: python -m tests.bench.live_core [--bundle N …] [--shards N …] [--rules FILE …] [--traffic zipf|generate] [--storm]
"""

import argparse
import dataclasses
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from apache_beam.utils.timestamp import Timestamp

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import generate
from pipeline.traffic.zipf import zipf_events
from segmentation.identity.sharder import Sharder
from segmentation.rules.file import load_rules
from segmentation.rules.model import Rules
from segmentation.rules.property_plan import property_plan
from segmentation.units import DAY, MINUTE, SECOND, parse_duration
from tests.bench.live_stages import LiveStages, Stopwatch, timed
from transforms.decoding.event_decoder import EventDecoder
from transforms.keys.sources import DEMO_KEYS
from transforms.raw_chunk import RawChunk
from transforms.state.timing import Timing

ROOT = Path(__file__).resolve().parents[2]
RULES = [ROOT / "examples" / "rules.yaml", ROOT / "tests" / "bench" / "rules.yaml"]
DISORDER = 10 * SECOND
#: 2100-01-01T00:00:00Z in µs: no event of any log lies after it.
NOW = 4_102_444_800_000_000
PHASES = ("decode", "split", "take", "preview", "track", "tick", "population")
ASSIGN = ("assign early", "assign preview", "assign features", "assign moves", "settle")


class Bench:
    """One job: all stages, and the CPU time they took."""

    def __init__(self, rules: Rules, shards: int, *, early: bool) -> None:
        self.watch = Stopwatch()
        timing = Timing(bounded=False, max_disorder=DISORDER)
        self.stages = LiveStages(rules, timing, shards, early=early, watch=self.watch)
        self._decoder = EventDecoder(property_plan(rules).properties)
        self._sharder = Sharder(rules, shards, DEMO_KEYS)
        self._clock = 0

    def bundle(self, lines: bytes) -> None:
        """One bundle: JSON lines, and the watermark after it."""
        with self.watch.phase("decode"):
            frame = self._decoder.decode(RawChunk("bench", "json", 1, lines), NOW).frame
        self.frame(frame)

    def frame(self, frame: pl.DataFrame) -> None:
        """One bundle of decoded events, and the watermark after it."""
        with self.watch.phase("split"):
            self._clock = max(self._clock, frame["occurred_at"].to_numpy().max().item())
            batches = [(shard, each.encode()) for shard, each in self._sharder.split(frame, self._clock).items()]
        self.stages.events(batches)
        self.stages.watermark(Timestamp(micros=self._clock - DISORDER))

    def written(self) -> int:
        """State bytes written so far, of both stages."""
        return sum(self.stages.track.written.values()) + sum(self.stages.assign.written.values())

    def start(self) -> None:
        """Forget the warm-up."""
        self.watch.clear()
        for counter in (self.stages.track.written, self.stages.assign.written, self.stages.elements):
            counter.clear()
        self.stages.changes.clear()


def lines_of(arguments: argparse.Namespace, count: int) -> list[bytes]:
    """Lines of a log, each with its end."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/log.jsonl"
        if arguments.traffic == "zipf":
            zipf_events(count, arguments.users, arguments.days, 1, out)
        else:
            generate(TrafficOptions(users=arguments.users, days=arguments.days, seed=1, disorder=5 * SECOND), out)
        with Path(out).open("rb") as log:
            return list(itertools.islice(log, count))


def measure(
    rules: Rules, lines: list[bytes], size: int, shards: int, early: bool, arguments: argparse.Namespace
) -> None:
    """Prints one row."""
    bench = Bench(rules, shards, early=early)
    warm = min(arguments.warm, len(lines) // 2)
    measured = lines[warm : warm + min(arguments.events, size * arguments.bundles)]
    with timed(bench.watch):
        for part in _parts(lines[:warm], 5_000):
            bench.bundle(b"".join(part))
        bench.start()
        bundles = 0
        for part in _parts(measured, size):
            bench.bundle(b"".join(part))
            bundles += 1
    _print_row(bench, size, shards, early, len(measured), bundles)


def _parts(lines: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


def _print_row(bench: Bench, size: int, shards: int, early: bool, events: int, bundles: int) -> None:
    seconds, calls, elements = bench.watch.seconds, bench.watch.calls, bench.stages.elements
    cells = [f"{seconds[name] / events * 1e6:8.1f}" for name in (*PHASES, *ASSIGN)]
    total = sum(seconds.values()) / events * 1e6
    tracked = sum(seconds[name] for name in ("take", "preview", "track")) / max(calls["track"], 1)
    assigned = sum(seconds[name] for name in ("assign early", "assign preview")) / max(calls["assign early"], 1)
    sent = sum(calls[name] for name in ("assign features", "assign moves"))
    taken = sum(seconds[name] for name in ("assign features", "assign moves")) / max(sent, 1)
    tick = seconds["tick"] / max(elements["track timer"], 1)
    settle = seconds["settle"] / max(elements["assign timer"], 1)
    per_call = "".join(f"{each * 1e3:7.2f}" for each in (tracked, assigned, tick, taken, settle))
    entered = sum(elements.values()) / bundles
    print(
        f"{size:7}{shards:3} {'early' if early else '  no '}|{''.join(cells)}|{total:8.1f}|{per_call}|"
        f"{elements['track timer']:6}{entered:7.1f}{bench.written() / events:8.0f}",
        flush=True,
    )


def header() -> None:
    """Prints what the columns are."""
    short = ("decode", "split", "take", "preview", "track", "tick", "popul.")
    assign = ("a.early", "a.prev", "a.feat", "a.moves", "settle")
    print("CPU µs per event by phase | all | ms per call | ticks fired, elements per bundle, state bytes per event")
    titles = "".join(f"{name:>8}" for name in (*short, *assign))
    print(f" bundle sh      |{titles}|     all|  track  early   tick   take settle| ticks elems/b bytes/ev")


def storm(users: int, shards: int) -> None:
    """All users sign up within one minute; a day later all their deadlines pass at one tick."""
    rules = load_rules(ROOT / "tests" / "bench" / "storm.yaml")
    bench = Bench(rules, shards, early=False)
    start = 1_767_225_600 * SECOND
    for first in range(0, users, 10_000):
        bench.frame(_events([f"u{n}" for n in range(first, first + 10_000)], "signup", start))
    bench.frame(_events(["last"], "page_view", start + 2 * MINUTE))
    bench.start()
    began = time.perf_counter()
    bench.frame(_events(["last"], "page_view", start + DAY - 2 * MINUTE))
    _print_storm(bench, "a day of empty ticks", began)
    bench.start()
    began = time.perf_counter()
    bench.frame(_events(["last"], "page_view", start + DAY + 3 * MINUTE))
    _print_storm(bench, f"{users:,} deadlines at once", began)


def _print_storm(bench: Bench, what: str, began: float) -> None:
    took = time.perf_counter() - began
    elements = bench.stages.elements
    seconds = ", ".join(f"{name} {value:.2f}" for name, value in bench.watch.seconds.most_common(5))
    print(
        f"{what}: {took:.2f} s; {elements['track timer']:,} track timers, {sum(elements.values()):,} elements, "
        f"{bench.stages.changes['bytes'] >> 10:,} kB of changes; CPU s: {seconds}",
        flush=True,
    )


def _events(users: list[str], name: str, at: int) -> pl.DataFrame:
    columns = {
        "event_id": [f"{user}/{at}" for user in users],
        "user_id": users,
        "name": [name] * len(users),
        "occurred_at": [at + row % SECOND for row in range(len(users))],
        "p:granted": pl.Series([None] * len(users), dtype=pl.String),
    }
    return pl.DataFrame(columns)


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--shards", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--rules", type=Path, nargs="+", default=RULES)
    parser.add_argument("--early", choices=("on", "off", "both"), default="both")
    parser.add_argument("--tick", help="instead of the tick of the rules, such as 5m")
    parser.add_argument("--traffic", choices=("zipf", "generate"), default="zipf")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--warm", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=50_000, help="measured in a row at most")
    parser.add_argument("--bundles", type=int, default=100, help="measured in a row at most")
    parser.add_argument("--storm", type=int, nargs="?", const=100_000, help="measure so many deadlines at once instead")
    arguments = parser.parse_args()
    if arguments.storm is not None:
        storm(arguments.storm, arguments.shards[-1])
        return
    lines = lines_of(arguments, arguments.warm + arguments.events)
    for path in arguments.rules:
        rules = load_rules(path)
        if arguments.tick is not None:
            rules = dataclasses.replace(rules, tick=parse_duration(arguments.tick))
        print(f"\n{path.name} in {path.parent.name}/, tick {rules.tick // MINUTE} min")
        header()
        early = {"on": [True], "off": [False], "both": [True, False]}[arguments.early]
        for size, shards, each in itertools.product(arguments.bundle, arguments.shards, early):
            measure(rules, lines, size, shards, each, arguments)


if __name__ == "__main__":
    main()
