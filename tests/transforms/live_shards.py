"""All shards of a live job driven by hand: what passes between them, their timers, and their state as it is dumped."""

from typing import Any

import polars as pl
from apache_beam.utils.timestamp import Timestamp

from segmentation.columns.frames import decode_frames
from segmentation.identity.sharder import Sharder
from segmentation.messages import PopulationMoves, decode_as
from segmentation.population.moves import add_moves
from segmentation.rules.model import Rules
from tests.transforms.live_shard import Stage
from transforms.assign_segments import AssignSegments
from transforms.dump_state import SEED, DumpAssigned, DumpTracked
from transforms.keys.sources import DEMO_KEYS, KeySource
from transforms.state.facts import StateFacts
from transforms.state.manifest import Manifest
from transforms.state.start import StartingState
from transforms.state.state_folder import StateFolder
from transforms.state.timing import Timing
from transforms.track_users import FEATURES, POPULATION, TrackUsers


class LiveShards:
    """Both stages of a job. ``start`` is a folder of imported state, None: it begins with nothing."""

    def __init__(self, rules: Rules, timing: Timing, shards: int, start: str | None = None) -> None:
        begin = None if start is None else StartingState(start, shards)
        facts = StateFacts(rules, timing, shards, KeySource(demo=True))
        track = TrackUsers(facts, early=True, start=begin)
        assign = AssignSegments(facts, profiles=False, start=begin)
        self.track = [Stage(track.live_fn, shard=shard) for shard in range(shards)]
        self.assign = [Stage(assign.live_fn, shard=shard) for shard in range(shards)]
        self._sharder = Sharder(rules, shards, DEMO_KEYS)
        self.changes: list[dict[str, Any]] = []
        #: Populations that have not reached the second stage.
        self._under_way: list[bytes] = []

    @property
    def settled(self) -> set[tuple[Any, ...]]:
        """The settled changes so far, without what early changes leave in them."""
        return {
            tuple(value if not isinstance(value, list) else tuple(value) for value in change.values())
            for change in self.changes
            if change["stage"] != "EARLY"
        }

    def events(self, frame: pl.DataFrame) -> None:
        """A bundle of events arrives."""
        clock = frame["occurred_at"].to_numpy().max().item()
        for shard, batch in self._sharder.split(frame, clock).items():
            self._tracked(shard, self.track[shard].process(batch.encode()))

    def watermark(self, at: Timestamp, assign: bool = True) -> None:
        """Fire every timer up to ``at``, the earliest first. ``assign``: whether the second stage sees ``at`` too, or
        just the time before the last tick."""
        while (tick := self._next(self.track, at)) is not None:
            for shard, stage in enumerate(self.track):
                while stage.timers.due(tick):
                    self._tracked(shard, stage.fire())
            if assign or self._next(self.track, at) is not None:
                self._populations()
                self._assigned(tick)
        if assign:
            self._populations()
            self._assigned(at)

    def dump(self, place: str) -> Manifest:
        """The state as a savepoint has it, in files as ``segments state export`` writes them."""
        folder = StateFolder(place)
        for stages, step in ((self.track, DumpTracked(place)), (self.assign, DumpAssigned(place))):
            for stage in stages:
                list(step.fn().process((stage.shard, SEED), *stage.state.values()) or ())
        for message in self._summed():
            dump = DumpAssigned(place).fn()
            dump.process((0, message), *self.assign[0].state.values())
        manifest = Manifest.of_export(folder, "a savepoint")
        manifest.write(folder)
        return manifest

    def _next(self, stages: list[Stage], at: Timestamp) -> Timestamp | None:
        due = [stage.timers.at[tag] for stage in stages for tag in stage.timers.due(at)]
        return min(due, default=None)

    def _tracked(self, shard: int, outputs: list[Any]) -> None:
        for output in outputs:
            if output.tag == FEATURES:
                self._changed(self.assign[shard].process(output.value[1]))
            elif output.tag == POPULATION:
                self._under_way.append(output.value[1])

    def _summed(self) -> list[bytes]:
        if not self._under_way:
            return []
        parts = [decode_as(PopulationMoves, each).moves for each in self._under_way]
        return [PopulationMoves(add_moves(parts)).encode()]

    def _populations(self) -> None:
        for message in self._summed():
            for stage in self.assign:
                self._changed(stage.process(message))
        self._under_way = []

    def _assigned(self, at: Timestamp) -> None:
        later = at + 0.002
        while (tick := self._next(self.assign, later)) is not None:
            for stage in self.assign:
                while stage.timers.due(tick):
                    self._changed(stage.fire())

    def _changed(self, outputs: list[Any]) -> None:
        for output in outputs:
            self.changes += decode_frames(output.value)[1]["changes"].to_dicts()
