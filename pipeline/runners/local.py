"""One run: open the ends, build the graph, execute it, and tell what came of it."""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult

from pipeline.graph import Plan, build
from pipeline.inputs import Inputs, key_source
from pipeline.io.files.audit import AuditWriter
from pipeline.io.files.changes import ChangesWriter
from pipeline.io.files.dead_letters import DeadLettersWriter
from pipeline.io.files.output import OutputFile
from pipeline.io.files.read_files import ReadFiles, formats
from pipeline.io.files.sinks import (
    LocalSinks,
    WriteAudit,
    WriteChanges,
    WriteDeadLetters,
    WriteProfiles,
    register,
    unregister,
)
from pipeline.options.run_options import RunOptions
from pipeline.runners.choice import LOCAL, PRISM
from pipeline.runners.prism.splits import refuse_splits
from pipeline.runners.topic_ends import write_topics
from segmentation.units import floor_to
from transforms.decode_events import NAMESPACE
from transforms.state.timing import Timing

if TYPE_CHECKING:
    from pipeline.stores.profile_store import ProfileStore


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
    sinks = _open_sinks(options, now)
    run = uuid.uuid4().hex
    register(run, sinks)
    try:
        result = _execute(options, inputs, run, now)
        summary = summary_of(result, inputs, round(time.monotonic() - started, 3))
        if sinks.summary is not None:
            with sinks.summary.writing() as stream:
                stream.write(summary.to_json().encode())
        sinks.close()
    except BaseException:
        sinks.abort()
        raise
    finally:
        unregister(run)
    return summary


def _open_sinks(options: RunOptions, now: int) -> LocalSinks:
    with ExitStack() as opened:
        changes = dead_letters = audit = summary = None
        if isinstance(options.changes, str):
            changes = opened.enter_context(ChangesWriter(options.changes))
        if isinstance(options.dead_letters, str):
            dead_letters = opened.enter_context(DeadLettersWriter(options.dead_letters))
        if isinstance(options.audit, str):
            audit = opened.enter_context(AuditWriter(options.audit))
        if options.summary is not None:
            summary = opened.enter_context(OutputFile(options.summary, "--summary"))
        profiles = None if options.profiles is None else _open_store(options.profiles)
        opened.pop_all()  # from here on the run closes them
        return LocalSinks(changes, dead_letters, audit, summary, profiles, now)


def _open_store(url: str) -> "ProfileStore":
    # Databases take a while to import, and few runs need one.
    from pipeline.stores.profile_store import ProfileStore

    return ProfileStore(url, "--profiles")


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


def _execute(options: RunOptions, inputs: Inputs, run: str, now: int) -> PipelineResult:
    pipeline = beam.Pipeline(runner=_runner(options), options=PipelineOptions(list(options.beam_args)))
    files = formats(inputs.files, inputs.mapping)
    numbered = inputs.mapping is not None and inputs.mapping.numbers_repeats
    outputs = build(pipeline | "ReadFiles" >> ReadFiles(files, number_repeats=numbered), plan_of(options, inputs, now))
    if isinstance(options.changes, str) or options.profiles is not None:
        outputs.changes | "WriteChanges" >> beam.ParDo(WriteChanges(run))
    outputs.profiles | "WriteProfiles" >> beam.ParDo(WriteProfiles(run))
    if isinstance(options.dead_letters, str):
        outputs.dead_letters | "WriteDeadLetters" >> beam.ParDo(WriteDeadLetters(run))
    if outputs.audit is not None and isinstance(options.audit, str):
        outputs.audit | "WriteAudit" >> beam.ParDo(WriteAudit(run))
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
