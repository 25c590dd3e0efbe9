"""Drives the core without an engine: decoded events in, settled changes out, in any batches, shards and advances."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.io.files.event_logs import read_chunks
from segmentation.identity.pseudonyms import Keys
from segmentation.identity.sharder import Sharder
from segmentation.membership.assigner import Assigner
from segmentation.membership.changes import empty
from segmentation.messages import EventsOfShard, FeaturesOfShard, PopulationMoves, decode_as
from segmentation.population.moves import add_moves
from segmentation.rules.model import Rules
from segmentation.rules.property_plan import property_plan
from segmentation.tracking.id_cells import HeldIds
from segmentation.tracking.tracker import Tracker
from segmentation.units import floor_to
from tests.oracle.load import to_row
from transforms.decoding.event_decoder import EventDecoder

KEYS = Keys(b"state key of the acceptance tests", b"publish key of the acceptance tests")
#: 2100-01-01T00:00:00Z in µs: no event of any test lies after it.
NOW = 4_102_444_800_000_000
Event = Mapping[str, Any]


def decoded(path: Path, rules: Rules) -> pl.DataFrame:
    """The good events of a JSONL file as the pipeline decodes them."""
    decoder = EventDecoder(property_plan(rules).properties)
    return pl.concat([decoder.decode(chunk, NOW).frame for chunk in read_chunks(str(path), "json")])


def frame(events: Iterable[Event], rules: Rules) -> pl.DataFrame:
    """Events written in code as the pipeline decodes them."""
    names = property_plan(rules).properties
    columns: dict[str, list[Any]] = {name: [] for name in ("event_id", "user_id", "name", "occurred_at")}
    columns |= {f"p:{name}": [] for name in names}
    for event in events:
        *plain, properties = to_row(event)
        texts = json.loads(properties)
        for name, value in zip(("event_id", "user_id", "name", "occurred_at"), plain, strict=True):
            columns[name].append(value)
        for name in names:
            columns[f"p:{name}"].append(texts.get(name))
    return pl.DataFrame(columns, schema={name: pl.Int64 if name == "occurred_at" else pl.String for name in columns})


class Core:
    """Trackers and assigners of all shards, with everything that passes between them as bytes."""

    def __init__(self, rules: Rules, shards: int, max_disorder: int = 0) -> None:
        self._rules, self._max_disorder = rules, max_disorder
        self._sharder = Sharder(rules, shards, KEYS)
        self.trackers = [Tracker(rules, max_disorder) for _ in range(shards)]
        self.assigners = [Assigner(rules, KEYS.publish) for _ in range(shards)]
        self._cells = [HeldIds() for _ in range(shards)]
        for tracker, cells in zip(self.trackers, self._cells, strict=True):
            tracker.open_ids(cells, load=False)
        self._parts = [empty()]

    def add(self, events: pl.DataFrame) -> None:
        """Takes in decoded events; the clock of all shards moves on."""
        if not len(events):
            return
        clock = int(events["occurred_at"].to_numpy().max())
        for shard, batch in self._sharder.split(events, clock).items():
            self.trackers[shard].add(decode_as(EventsOfShard, batch.encode()))

    def advance(self, until: int) -> pl.DataFrame:
        """Settles up to a tick (µs) and gives its changes."""
        settled = [tracker.advance(until) for tracker in self.trackers]
        sent = PopulationMoves(add_moves([each.moves for each in settled])).encode()
        moves = decode_as(PopulationMoves, sent).moves
        parts = [empty()]
        for assigner, each in zip(self.assigners, settled, strict=True):
            parts.append(assigner.advance(decode_as(FeaturesOfShard, each.features.encode()), moves))
            assigner.compact()
        self._parts += parts
        return pl.concat(parts)

    def reload(self) -> None:
        """Everything that is kept is written and read back."""
        for tracker in self.trackers:
            tracker.write_ids()
        saved = [each.snapshot() for each in (*self.trackers, *self.assigners)]
        shards = len(self.trackers)
        self.trackers = [Tracker(self._rules, self._max_disorder) for _ in range(shards)]
        self.assigners = [Assigner(self._rules, KEYS.publish) for _ in range(shards)]
        for each, data in zip((*self.trackers, *self.assigners), saved, strict=True):
            each.restore(data)
        for tracker, cells in zip(self.trackers, self._cells, strict=True):
            tracker.open_ids(cells, load=True)

    def changes(self) -> pl.DataFrame:
        """All changes so far, sorted by subject and sequence."""
        return pl.concat(self._parts).sort("subject_id", "sequence")

    def last_due(self) -> int:
        """The last tick (µs) that the clock allows."""
        due = self.trackers[0].last_due()
        assert due is not None
        return due

    def first_due(self) -> int:
        """The first tick (µs) of any shard."""
        return min(due for due in (tracker.first_due() for tracker in self.trackers) if due is not None)


def settle(
    rules: Rules,
    events: pl.DataFrame,
    *,
    shards: int = 4,
    batch: int = 50_000,
    steps: Sequence[int] = (),
    until: int | None = None,
    reload: bool = False,
) -> pl.DataFrame:
    """All settled changes of a log that is there as a whole.

    ``steps``: how many ticks each of the first advances takes; one more takes the rest. ``until``: the end instead of
    the first tick after the log, µs. ``reload``: state is written and read back after each advance.
    """
    core = Core(rules, shards)
    for start in range(0, len(events), batch):
        core.add(events[start : start + batch])
    if len(events):
        end = core.last_due() if until is None else floor_to(until, rules.tick)
        for tick in _stops(core.first_due() - rules.tick, end, rules.tick, steps):
            core.advance(tick)
            if reload:
                core.reload()
    return core.changes()


def settle_live(
    rules: Rules, events: pl.DataFrame, max_disorder: int, *, shards: int, batch: int, reload: bool = False
) -> pl.DataFrame:
    """All settled changes of a log that arrives in the order of its rows: ticks settle while more of it comes."""
    core = Core(rules, shards, max_disorder)
    settled = None
    for start in range(0, len(events), batch):
        core.add(events[start : start + batch])
        due = floor_to(core.last_due() - rules.tick - max_disorder, rules.tick)
        if settled is None or due > settled:
            core.advance(due)
            settled = due
            if reload:
                core.reload()
    if len(events):
        core.advance(core.last_due())
    return core.changes()


def _stops(start: int, end: int, tick: int, steps: Sequence[int]) -> Iterator[int]:
    for step in steps:
        start += step * tick
        if start < end:
            yield start
    yield end
