"""A keyed rolling count on bytewax, the nearest peer in Python: an engine with keys and state, but no exact population.

Typed decoding with msgspec in batches, duplicates dropped by a set of ids per user, hourly counts per user; whenever a
user's newest hour moves on, the count of its last seven days is written. The built-in sliding windows would keep 168
windows for each event; hourly sums are what makes it usable. bytewax has no place in the project's environment:
`make bench` runs this file in one of its own.

Run: python tests/bench/bytewax_flow.py EVENTS.jsonl OUT.tsv
"""

import sys
from pathlib import Path

import bytewax.operators as op
import msgspec
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

HOUR = 3_600_000_000
WINDOW_HOURS = 7 * 24


class Event(msgspec.Struct, gc=False):
    """What the count needs of a line; ``occurred_at`` in microseconds."""

    event_id: str
    user_id: str
    occurred_at: int


class Rolling:
    """State of a user: the ids seen, and the events of each hour of the window."""

    __slots__ = ("hours", "newest", "seen")

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.hours: dict[int, int] = {}
        self.newest = 0

    def update(self, event: Event) -> list[str]:
        """Counts an event; the new rolling count when it opens a newer hour."""
        if event.event_id in self.seen:
            return []
        self.seen.add(event.event_id)
        hour = event.occurred_at // HOUR
        self.hours[hour] = self.hours.get(hour, 0) + 1
        if hour <= self.newest:
            return []
        self.newest = hour
        oldest = hour - WINDOW_HOURS
        self.hours = {known: count for known, count in self.hours.items() if known > oldest}
        return [f"{event.user_id}\t{hour}\t{sum(self.hours.values())}"]


def build(events: Path, out: Path) -> Dataflow:
    """The flow from a log to the rolling counts."""
    decode = msgspec.json.Decoder(Event).decode

    def decode_batch(lines: list[str]) -> list[tuple[str, Event]]:
        decoded = map(decode, lines)
        return [(event.user_id, event) for event in decoded]

    def count(state: Rolling | None, event: Event) -> tuple[Rolling, list[str]]:
        state = state or Rolling()
        return state, state.update(event)

    flow = Dataflow("rolling_count")
    lines = op.input("read", flow, FileSource(events, batch_size=10_000))
    keyed = op.flat_map_batch("decode", lines, decode_batch)
    counts = op.stateful_flat_map("count", keyed, count)
    op.output("write", counts, FileSink(out))
    return flow


if __name__ == "__main__":
    run_main(build(Path(sys.argv[1]), Path(sys.argv[2])))
