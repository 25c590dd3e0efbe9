"""The ends of a graph: where its events come from and where its records go."""

import apache_beam as beam

from pipeline.graph import Outputs
from pipeline.io.outputs import Output
from pipeline.io.place import Place, Reading
from pipeline.options.run_options import RunOptions
from transforms.raw_chunk import RawChunk


def read_place(pipeline: beam.Pipeline, place: Place, reading: Reading) -> beam.PCollection[RawChunk]:
    """Add the step that reads a place."""
    chunks: beam.PCollection[RawChunk] = pipeline | place.source_step >> place.source(reading)
    return chunks


def write_topics(outputs: Outputs, options: RunOptions) -> None:
    """Add the steps that write everything that a run writes."""
    records = {
        Output.CHANGES: outputs.changes,
        Output.DEAD_LETTERS: outputs.dead_letters,
        Output.PROFILES: outputs.profiles,
    }
    if outputs.audit is not None:
        records[Output.AUDIT] = outputs.audit
    for place, written in options.destinations.items():
        for output in written:
            records[output] | place.step(output) >> place.sink(output)
