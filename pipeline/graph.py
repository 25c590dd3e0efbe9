"""The pipeline as one readable chain: chunks of a log in; changes, profiles, dead letters and an audit out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.typehints import KV

from segmentation.rules.model import Rules
from segmentation.rules.property_plan import property_plan
from transforms.assign_segments import CHANGES, PROFILES, AssignSegments
from transforms.auditing import Auditor
from transforms.decode_events import DEAD_LETTERS, EVENTS, DecodeEvents
from transforms.keys.sources import KeySource
from transforms.mapping.model import EventMapping
from transforms.measure_population import MeasurePopulation
from transforms.shard_users import ShardUsers
from transforms.state.timing import Timing
from transforms.track_users import AUDIT, FEATURES, POPULATION, TrackUsers


@dataclass(frozen=True)
class Plan:
    """All that shapes the graph but its ends.

    ``now`` is the clock of the run in µs, or what tells it where a run goes on for long. ``audit``:
    someone wants audit records; without, no step makes any.
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


@dataclass(frozen=True)
class Segmented:
    """Frames as bytes (`segmentation.columns.frames`); no ``audit`` where the plan has none."""

    changes: beam.PCollection[Any]
    profiles: beam.PCollection[Any]
    audit: beam.PCollection[Any] | None


@dataclass(frozen=True)
class Outputs(Segmented):
    """``dead_letters`` are `DeadLetter`."""

    dead_letters: beam.PCollection[Any]


def build(chunks: beam.PCollection[Any], plan: Plan) -> Outputs:
    """The graph from `RawChunk` on."""
    decoded = chunks | "DecodeEvents" >> DecodeEvents(property_plan(plan.rules).properties, plan.mapping, now=plan.now)
    segmented = segment(decoded[EVENTS], plan)
    return Outputs(segmented.changes, segmented.profiles, segmented.audit, decoded[DEAD_LETTERS])


def segment(batches: beam.PCollection[Any], plan: Plan) -> Segmented:
    """The graph from `EventBatch` on."""
    sharded = batches | "ShardUsers" >> ShardUsers(plan.rules, plan.shards, keys=plan.keys)
    auditor = Auditor(plan.rules.version, plan.keys) if plan.audit else None
    tracked = sharded | "TrackUsers" >> TrackUsers(
        plan.rules, plan.timing, plan.shards, early=plan.early, auditor=auditor
    )
    population = tracked[POPULATION] | "MeasurePopulation" >> MeasurePopulation(plan.timing, plan.shards)
    messages = (tracked[FEATURES], population) | "MergeMessages" >> beam.Flatten()
    messages.element_type = KV[int, bytes]
    assigned = messages | "AssignSegments" >> AssignSegments(
        plan.rules, plan.timing, plan.shards, profiles=plan.profiles, keys=plan.keys
    )
    return Segmented(assigned[CHANGES], assigned[PROFILES], tracked[AUDIT] if plan.audit else None)
