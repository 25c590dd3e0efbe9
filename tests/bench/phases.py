"""Where the time of a bounded run goes: the stages one after the other, without an engine, in CPU seconds.

What `segments run` takes beyond their sum is start-up (above all importing Beam), the engine, and writing the changes.

Run: python -m tests.bench.phases LOG [SHARDS]
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from pipeline.io.files.event_logs import read_chunks
from segmentation.identity.sharder import Sharder
from segmentation.membership.assigner import Assigner
from segmentation.messages import EventsOfShard, FeaturesOfShard, decode_as
from segmentation.population.moves import add_moves
from segmentation.rules.file import load_rules
from segmentation.rules.property_plan import property_plan
from segmentation.tracking.tracker import Settled, Tracker
from tests.bench.peers import BENCH
from transforms.decoding.event_decoder import EventDecoder
from transforms.keys.sources import DEMO_KEYS
from transforms.shard_users import MAX_HELD_EVENTS


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Prints the CPU seconds of its block."""
    started = time.process_time()
    yield
    print(f"{name:32}{time.process_time() - started:8.2f}")


def main() -> None:
    """Measures the log that the command line names."""
    path = sys.argv[1]
    shards = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    rules = load_rules(BENCH / "rules.yaml")
    sharder = Sharder(rules, shards, DEMO_KEYS)
    with phase("read, decode, validate"):
        decoder = EventDecoder(property_plan(rules).properties)
        frames = [decoder.decode(chunk, time.time_ns() // 1000).frame for chunk in read_chunks(path, "json")]
    with phase("pseudonyms, split by shard"):
        events = pl.concat(frames)
        clock = events["occurred_at"].to_numpy().max().item()
        batches: list[list[bytes]] = [[] for _ in range(shards)]
        for part in events.iter_slices(MAX_HELD_EVENTS):
            for shard, batch in sharder.split(part, clock).items():
                batches[shard].append(batch.encode())
    with phase("accept, features, population"):
        settled = [_track(Tracker(rules, 0), parts) for parts in batches]
        moves = add_moves([each.moves for each in settled])
    with phase("conditions, memberships, changes"):
        changes = 0
        for each in settled:
            features = decode_as(FeaturesOfShard, each.features.encode())
            changes += len(Assigner(rules, DEMO_KEYS.publish).advance(features, moves))
    rows = sum(len(each.features.rows["tick"]) for each in settled)
    print(f"{len(events):,} events, {rows:,} rows, {changes:,} changes")


def _track(tracker: Tracker, batches: list[bytes]) -> Settled:
    for batch in batches:
        tracker.add(decode_as(EventsOfShard, batch))
    until = tracker.last_due()
    if until is None:
        raise ValueError("the log is empty")
    return tracker.advance(until)


if __name__ == "__main__":
    main()
