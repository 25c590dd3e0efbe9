"""The whole of a run as one graph, the same for every runner: its source, the steps between, its sinks."""

from collections.abc import Callable

import apache_beam as beam

from pipeline.graph import Plan, build
from pipeline.inputs import Inputs, key_source
from pipeline.io.outputs import Output
from pipeline.io.place import Reading
from pipeline.options.run_options import RunOptions
from segmentation.units import floor_to
from transforms.state.timing import Timing


def assemble(
    pipeline: beam.Pipeline,
    options: RunOptions,
    inputs: Inputs,
    now: int | Callable[[], int],
    *,
    expansion_service: str | None = None,
    native: bool = False,
) -> None:
    """Fill ``pipeline`` with the graph of a run.

    Args:
        pipeline: an empty one of the runner's.
        options: what the run was asked to do.
        inputs: what `load_inputs` has made of the options.
        now: the clock of the run, as `Plan` has it.
        expansion_service: ``host:port`` of what knows sources in Java, for places that need one.
        native: whether the runner has its own source for such a place.
    """
    place = options.events
    reading = Reading(tuple(inputs.files), inputs.mapping, expansion_service, native)
    outputs = build(pipeline | place.source_step >> place.source(reading), plan_of(options, inputs, now))
    records = {
        Output.CHANGES: outputs.changes,
        Output.DEAD_LETTERS: outputs.dead_letters,
        Output.PROFILES: outputs.profiles,
    }
    if outputs.audit is not None:
        records[Output.AUDIT] = outputs.audit
    for destination, written in options.destinations.items():
        for output in written:
            records[output] | destination.step(output) >> destination.sink(output)


def plan_of(options: RunOptions, inputs: Inputs, now: int | Callable[[], int]) -> Plan:
    """What shapes the graph between source and sinks."""
    until = None if options.until is None else floor_to(options.until, inputs.rules.tick)
    return Plan(
        rules=inputs.rules,
        mapping=inputs.mapping,
        timing=Timing(
            bounded=not options.early and not options.live,
            max_disorder=options.max_disorder,
            until=until,
            duplicates_within=options.duplicates_within,
        ),
        shards=options.shards,
        early=options.early,
        profiles=options.profiles is not None,
        audit=options.audit is not None,
        keys=key_source(options),
        now=now,
        new_publish_key=options.new_pseudonym_key,
        resumed=options.from_savepoint is not None,
        start=options.from_state,
    )
