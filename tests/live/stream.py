"""A stream under a test's control: batches and watermarks in a fixed order, on Prism; what comes out, with its
timestamp."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import polars as pl
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.utils.timestamp import Timestamp

from pipeline.graph import Plan, segment
from segmentation.columns.frames import decode_frames
from segmentation.identity.pseudonyms import Pseudonymizer, subject_ids
from segmentation.rules.file import parse_rules
from segmentation.units import SECOND
from transforms.event_batch import EventBatch
from transforms.keys.sources import DEMO_KEYS, KeySource
from transforms.state.timing import Timing

#: Where the scripts of these tests begin: a multiple of every tick in them, µs.
START = 1_767_225_600_000_000

_collected: dict[tuple[str, str], list[dict[str, Any]]] = {}


@dataclass(frozen=True)
class Event:
    """One event; ``at`` is µs after `START`."""

    user: str
    at: int
    name: str = "click"
    event_id: str | None = None
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Watermark:
    """The watermark passes ``at``, µs after `START`."""

    at: int


@dataclass(frozen=True)
class Outcome:
    """Changes in the order they came out, each with ``seen`` (the event time of its element, µs after `START`)."""

    changes: list[dict[str, Any]]
    #: Rows of the audit, where it was asked for.
    audit: list[dict[str, Any]]
    counters: dict[str, int]

    def of(self, user: str) -> list[tuple[Any, ...]]:
        """(stage, action, segment, effective_at in µs after `START`, cause) of a user's changes, in order."""
        subject = subject_of(user)
        return [
            (row["stage"], row["action"], row["segment"], row["effective_at"] - START, row["cause"])
            for row in self.changes
            if row["subject_id"] == subject
        ]


def subject_of(user: str) -> str:
    """The pseudonym of a user under the demo keys."""
    return subject_ids(DEMO_KEYS.publish, Pseudonymizer(DEMO_KEYS).internals([user]))[0]


def run_stream(
    rules: str,
    script: Sequence[Event | Sequence[Event] | Watermark],
    prism: str,
    *,
    shards: int = 2,
    early: bool = True,
    max_disorder: int = 10 * SECOND,
    until: int | None = None,
    audit: bool = False,
) -> Outcome:
    """Play a script through the live graph, then end the input."""
    parsed = parse_rules(rules, "rules.yaml")
    stream = TestStream()
    stream.advance_watermark_to(Timestamp(micros=START))
    number = 0
    for step in script:
        if isinstance(step, Watermark):
            stream.advance_watermark_to(Timestamp(micros=START + step.at))
            continue
        events = [step] if isinstance(step, Event) else list(step)
        stream.add_elements([_batch(events, number)])
        number += len(events)
    stream.advance_watermark_to_infinity()
    timing = Timing(bounded=False, max_disorder=max_disorder, until=None if until is None else START + until)
    plan = Plan(
        parsed, None, timing, shards, early=early, profiles=False, audit=audit, keys=KeySource(demo=True), now=START
    )
    run = uuid.uuid4().hex
    _collected[run, "changes"], _collected[run, "audit"] = [], []
    options = PipelineOptions([f"--prism_location={prism}", "--streaming"])
    pipeline = beam.Pipeline(runner="PrismRunner", options=options)
    batches = pipeline | "Script" >> stream | "Typed" >> beam.Map(_same).with_output_types(EventBatch)
    segmented = segment(batches, plan)
    segmented.changes | "Collect" >> beam.ParDo(_Collect(run, "changes"))
    if segmented.audit is not None:
        segmented.audit | "CollectAudit" >> beam.ParDo(_Collect(run, "audit"))
    result = pipeline.run()
    result.wait_until_finish()
    counters: dict[str, int] = {}
    for counter in result.metrics().query()["counters"]:
        name = counter.key.metric.name
        value = counter.attempted if counter.committed is None else counter.committed
        counters[name] = counters.get(name, 0) + value
    return Outcome(_collected.pop((run, "changes")), _collected.pop((run, "audit")), counters)


def _same(batch: EventBatch) -> EventBatch:
    return batch


def _batch(events: Sequence[Event], number: int) -> EventBatch:
    names = sorted({name for event in events for name, _ in event.properties})
    columns = {
        "event_id": [event.event_id or f"e{number + row}" for row, event in enumerate(events)],
        "user_id": [event.user for event in events],
        "name": [event.name for event in events],
        "occurred_at": [START + event.at for event in events],
        **{f"p:{name}": [dict(event.properties).get(name) for event in events] for name in names},
    }
    return EventBatch(pl.DataFrame(columns))


class _Collect(beam.DoFn):
    def __init__(self, run: str, table: str) -> None:
        self._run = run
        self._table = table

    def process(self, frames: bytes, timestamp: Timestamp = beam.DoFn.TimestampParam) -> Iterator[None]:
        for row in decode_frames(frames)[1][self._table].to_dicts():
            _collected[self._run, self._table].append({**row, "seen": timestamp.micros - START})
        yield from ()
