"""One run: open the ends, build the graph, execute it, and tell what came of it."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult

from pipeline.graph import Plan, build
from pipeline.inputs import Inputs, key_source
from pipeline.io.files.output import OutputFile
from pipeline.io.place import Reading
from pipeline.options.run_options import RunOptions
from pipeline.runners.choice import LOCAL, PRISM
from pipeline.runners.prism.splits import refuse_splits
from pipeline.runners.topic_ends import read_place, write_topics
from segmentation.units import floor_to
from transforms.decode_events import NAMESPACE
from transforms.state.timing import Timing


@dataclass(frozen=True)
class Summary:
    """What a run did, in numbers. ``read`` = accepted + duplicate + all of dropped + all of dead_letter, in records."""

    read: int
    accepted: int
    duplicate: int
    dropped: dict[str, int]
    dead_letter: dict[str, int]
    changes: dict[str, int]
    users: int
    segments: dict[str, int]
    seconds: float
    late: int = 0
    #: The least score that reaches a percentile that a rule asks for, at the end: ``engagement>=80`` -> score.
    cut_scores: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """As JSON, indented."""
        return json.dumps(asdict(self), indent=2) + "\n"


def execute(options: RunOptions, inputs: Inputs, clock: Callable[[], float] = time.time) -> Summary:
    """Run the pipeline over ``inputs`` and write the outputs that ``options`` name.

    Raises:
        OutputError, StoreError: an output can't be written; the message names the option.
        Exception: what a step of the pipeline raised; no output file appears then.
    """
    started = time.monotonic()
    now = int(clock() * 1_000_000)
    with ExitStack() as kept:
        # Closed in the opposite order: where the changes are, all else is in its place.
        for place, written in options.destinations.items():
            kept.enter_context(place.opened(now, *written))
        file = None if options.summary is None else kept.enter_context(OutputFile(options.summary, "--summary"))
        result = _execute(options, inputs, now)
        summary = summary_of(result, inputs, round(time.monotonic() - started, 3))
        if file is not None:
            with file.writing() as stream:
                stream.write(summary.to_json().encode())
    return summary


def plan_of(options: RunOptions, inputs: Inputs, now: int | Callable[[], int]) -> Plan:
    """The graph that ``options`` ask for; ``now`` as `Plan` has it."""
    until = None if options.until is None else floor_to(options.until, inputs.rules.tick)
    return Plan(
        rules=inputs.rules,
        mapping=inputs.mapping,
        timing=Timing(bounded=not options.early and not options.live, max_disorder=options.max_disorder, until=until),
        shards=options.shards,
        early=options.early,
        profiles=options.profiles is not None,
        audit=options.audit is not None,
        keys=key_source(options),
        now=now,
    )


def _execute(options: RunOptions, inputs: Inputs, now: int) -> PipelineResult:
    pipeline = beam.Pipeline(runner=_runner(options), options=PipelineOptions(list(options.beam_args)))
    chunks = read_place(pipeline, options.events, Reading(tuple(inputs.files), inputs.mapping))
    outputs = build(chunks, plan_of(options, inputs, now))
    write_topics(outputs, options)
    result = pipeline.run()
    result.wait_until_finish()
    return result


def _runner(options: RunOptions) -> "beam.runners.PipelineRunner | str":
    # Beam's DirectRunner chooses between runners by itself; results must not depend on that choice.
    if options.runner == PRISM:
        refuse_splits()
    return FnApiRunner() if options.runner == LOCAL else options.runner


def summary_of(result: PipelineResult, inputs: Inputs, seconds: float) -> Summary:
    """The numbers of a run that has ended."""
    metrics = result.metrics().query()
    counts: dict[str, int] = {}
    for counter in metrics["counters"]:
        if counter.key.metric.namespace == NAMESPACE:
            counts[counter.key.metric.name] = counts.get(counter.key.metric.name, 0) + _value(counter)
    gauges = {gauge.key.metric.name: _value(gauge).value for gauge in metrics["gauges"]}
    return Summary(
        read=counts.get("read", 0),
        accepted=counts.get("accepted", 0),
        duplicate=counts.get("duplicate", 0),
        dropped=_group(counts, "dropped."),
        dead_letter=_group(counts, "dead_letter."),
        changes=_group(counts, "changes."),
        users=counts.get("users", 0),
        segments={name: counts.get(f"members.{name}", 0) for name in inputs.rules.segments},
        seconds=seconds,
        late=counts.get("late", 0),
        cut_scores=_group(gauges, "cut."),
    )


def _value(metric: Any) -> Any:
    """The committed value; some runners (Prism) report only attempted ones, which are the same where nothing is
    retried."""
    return metric.attempted if metric.committed is None else metric.committed


def _group(counts: dict[str, int], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): counts[name] for name in sorted(counts) if name.startswith(prefix) and counts[name]
    }
