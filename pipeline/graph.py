"""The pipeline as one readable chain: chunks of a log in; changes, profiles and dead letters out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.typehints import KV

from segmentation.config import Rules
from segmentation.reading import property_plan
from transforms.assign_segments import CHANGES, PROFILES, AssignSegments
from transforms.decode_events import DEAD_LETTERS, EVENTS, DecodeEvents
from transforms.mapping import EventMapping
from transforms.measure_population import MeasurePopulation
from transforms.shard_users import ShardUsers
from transforms.timing import Timing
from transforms.track_users import FEATURES, POPULATION, TrackUsers


@dataclass(frozen=True)
class Plan:
    """All that shapes the graph but its ends.

    ``now`` is the clock of the run in µs, or what tells it where a run goes on for long. ``demo_keys``: the published
    demo keys may stand in for missing ones.
    """

    rules: Rules
    mapping: EventMapping | None
    timing: Timing
    shards: int
    early: bool
    profiles: bool
    demo_keys: bool
    now: int | Callable[[], int]


@dataclass(frozen=True)
class Outputs:
    """``changes`` and ``profiles`` are frames as bytes (`segmentation.frames`), ``dead_letters`` are `DeadLetter`."""

    changes: beam.PCollection[Any]
    profiles: beam.PCollection[Any]
    dead_letters: beam.PCollection[Any]


def build(chunks: beam.PCollection[Any], plan: Plan) -> Outputs:
    """The graph from `RawChunk` on."""
    decoded = chunks | "DecodeEvents" >> DecodeEvents(property_plan(plan.rules).properties, plan.mapping, now=plan.now)
    segmented = segment(decoded[EVENTS], plan)
    return Outputs(segmented[CHANGES], segmented[PROFILES], decoded[DEAD_LETTERS])


def segment(batches: beam.PCollection[Any], plan: Plan) -> beam.pvalue.DoOutputsTuple:
    """The graph from `EventBatch` on: outputs ``changes`` and ``profiles``."""
    sharded = batches | "ShardUsers" >> ShardUsers(plan.rules, plan.shards, demo_keys=plan.demo_keys)
    tracked = sharded | "TrackUsers" >> TrackUsers(plan.rules, plan.timing, plan.shards, early=plan.early)
    population = tracked[POPULATION] | "MeasurePopulation" >> MeasurePopulation(plan.timing, plan.shards)
    messages = (tracked[FEATURES], population) | "MergeMessages" >> beam.Flatten()
    messages.element_type = KV[int, bytes]
    assigned: beam.pvalue.DoOutputsTuple = messages | "AssignSegments" >> AssignSegments(
        plan.rules, plan.timing, plan.shards, profiles=plan.profiles, demo_keys=plan.demo_keys
    )
    return assigned
