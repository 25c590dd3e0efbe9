"""The pipeline as one readable chain: chunks of a log in; changes, profiles, dead letters and an audit out."""

from collections.abc import Callable
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.typehints import KV

from schemas.types import DeadLetter
from segmentation.rules.model import Rules
from segmentation.rules.property_plan import property_plan
from transforms.assign_segments import CHANGES, PROFILES, AssignSegments
from transforms.decode_events import DecodeEvents
from transforms.dump_state import DumpAssigned, DumpTracked, SeedShards
from transforms.event_batch import EventBatch
from transforms.keys.sources import KeySource
from transforms.mapping.model import EventMapping
from transforms.measure_population import MeasurePopulation
from transforms.raw_chunk import RawChunk
from transforms.shard_users import ShardMessage, ShardUsers
from transforms.state.facts import StateFacts
from transforms.state.start import StartingState
from transforms.state.timing import Timing
from transforms.track_users import AUDIT, DEAD_LETTERS, FEATURES, POPULATION, Auditor, FeatureMoves, TrackUsers


@dataclass(frozen=True)
class Plan:
    """All that shapes the graph but its ends.

    ``now`` is the clock of the run in µs, or what tells it where a run goes on for long. ``audit``:
    whether audit records are wanted; without, no step makes any. ``new_publish_key`` and ``resumed``: see `StateFacts`.
    """

    rules: Rules
    mapping: EventMapping | None
    timing: Timing
    shards: int
    early: bool
    profiles: bool
    audit: bool
    keys: KeySource
    now: int | Callable[[], int]
    new_publish_key: bool = False
    resumed: bool = False
    #: A folder of imported state to start with (`transforms.state.start`); None: with nothing.
    start: str | None = None

    @property
    def facts(self) -> StateFacts:
        """What its state is made with."""
        return StateFacts(
            self.rules, self.timing, self.shards, self.keys, self.mapping, self.new_publish_key, self.resumed
        )


@dataclass(frozen=True)
class Outputs:
    """All that leaves the graph, each from a step that knows its state. All but ``dead_letters`` are frames as bytes
    (`segmentation.columns.frames`); no ``audit`` where the plan has none."""

    changes: beam.PCollection[bytes]
    profiles: beam.PCollection[bytes]
    audit: beam.PCollection[bytes] | None
    dead_letters: beam.PCollection[DeadLetter]


def build(chunks: beam.PCollection[RawChunk], plan: Plan) -> Outputs:
    """The graph from `RawChunk` on."""
    properties = property_plan(plan.rules).properties
    batches: beam.PCollection[EventBatch] = chunks | "DecodeEvents" >> DecodeEvents(
        properties, plan.mapping, now=plan.now
    )
    return segment(batches, plan)


def segment(batches: beam.PCollection[EventBatch], plan: Plan) -> Outputs:
    """The graph from `EventBatch` on."""
    sharded: beam.PCollection[ShardMessage] = batches | "ShardUsers" >> ShardUsers(
        plan.rules, plan.shards, keys=plan.keys
    )
    start = None if plan.start is None else StartingState(plan.start, plan.shards)
    auditor = Auditor(plan.rules.version, plan.keys) if plan.audit else None
    tracked = sharded | "TrackUsers" >> TrackUsers(plan.facts, early=plan.early, auditor=auditor, start=start)
    moves: beam.PCollection[FeatureMoves] = tracked[POPULATION]
    population = moves | "MeasurePopulation" >> MeasurePopulation(plan.timing, plan.shards)
    messages: beam.PCollection[ShardMessage] = (tracked[FEATURES], population) | "MergeMessages" >> beam.Flatten()
    messages.element_type = KV[int, bytes]
    assigned = messages | "AssignSegments" >> AssignSegments(plan.facts, profiles=plan.profiles, start=start)
    audit = tracked[AUDIT] if plan.audit else None
    return Outputs(assigned[CHANGES], assigned[PROFILES], audit, tracked[DEAD_LETTERS])


def dump(pipeline: beam.Pipeline, place: str, shards: int) -> None:
    """A live run's graph between source and sinks, made to write the state of up to ``shards`` shards to ``place``.

    All of its steps that keep state are here, by their names. Populations that were under way come out of theirs, since
    time runs to its end; so they are added to what is written.
    """
    seeds = pipeline | "Begin" >> beam.Impulse() | "ShardUsers" >> SeedShards(shards)
    tracked = seeds | "TrackUsers" >> DumpTracked(place)
    # One shard: a population is written once.
    population = tracked[POPULATION] | "MeasurePopulation" >> MeasurePopulation(Timing(bounded=False), shards=1)
    messages: beam.PCollection[ShardMessage] = (tracked[FEATURES], population) | "MergeMessages" >> beam.Flatten()
    messages.element_type = KV[int, bytes]
    messages | "AssignSegments" >> DumpAssigned(place)
