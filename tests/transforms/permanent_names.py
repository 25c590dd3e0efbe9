"""The names that the state of a running job hangs on. `python -m tests.transforms.permanent_names` renews the list."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import apache_beam as beam
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2

from pipeline.clock import wall_clock
from pipeline.inputs import load_inputs
from pipeline.io.kafka import source as kafka_source
from pipeline.options.run_arguments import RunArguments
from pipeline.options.run_options import RunOptions
from pipeline.runners.assembly import assemble
from pipeline.runners.flink.permanent_ids import with_permanent_ids

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("permanent_names.txt")
_HEADER = """\
# The names that a running job's state hangs on: a savepoint is of use only to a graph that has the same ones.
#   transform NAME        every step; of those with state, Flink's metrics and its console show it
#   operator  NAME        a stateful step by the name that Flink keeps its state under (steps in Python: and under the
#                         kind of their environment, so that PROCESS can't resume what EXTERNAL saved)
#   state     STEP ID     a cell or bag of a step
#   timer     STEP ID     likewise
# Renewed by: .venv/bin/python -m tests.transforms.permanent_names
"""


def permanent_names(**options: str) -> list[str]:
    """The list for the live graph as it is now, sorted; ``options`` of a run add to what it has to have."""
    return names_of(live_graph(**options))


def names_of(graph: beam_runner_api_pb2.Pipeline) -> list[str]:
    """The list for any graph."""
    pipeline = with_permanent_ids(graph)
    # The root has a number for a name.
    names = {part.unique_name for part in pipeline.components.transforms.values()}
    lines = {f"transform {name}" for name in names if not name.startswith("ref_")}
    for part in pipeline.components.transforms.values():
        lines.update(_kept(part, pipeline.components))
    return sorted(lines)


def every_permanent_name() -> list[str]:
    """The list for the live graph with all that a run may leave out."""
    return permanent_names(audit="kafka://127.0.0.1:9092/audit")


def live_graph(**more: str) -> beam_runner_api_pb2.Pipeline:
    """The graph between two topics of Kafka; ``more`` are further options of the run."""
    arguments = RunArguments(
        rules=str(ROOT / "examples" / "rules.yaml"),
        events="kafka://127.0.0.1:9092/events",
        changes="kafka://127.0.0.1:9092/changes",
        **more,
    )
    options = RunOptions.parse(arguments)
    pipeline = beam.Pipeline()
    # The source is Java's: its insides are named there, and without an expansion service there is no asking.
    with patch.object(kafka_source, "_packs", lambda *_: beam.Impulse()):
        assemble(pipeline, options, load_inputs(options), wall_clock, expansion_service="127.0.0.1:8097")
    return pipeline.to_runner_api()


def _kept(part: beam_runner_api_pb2.PTransform, components: beam_runner_api_pb2.Components) -> Iterator[str]:
    if part.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn:
        yield f"operator  {part.unique_name}"
    elif part.spec.urn == common_urns.primitives.PAR_DO.urn:
        payload = beam_runner_api_pb2.ParDoPayload.FromString(part.spec.payload)
        if payload.state_specs or payload.timer_family_specs:
            # Flink's workers run the steps that follow one another as one: it is known by what goes into the first.
            source = components.pcollections[part.inputs[_main_input(part, payload)]]
            yield f"operator  {source.unique_name}"
        yield from (f"state     {part.unique_name} {state}" for state in payload.state_specs)
        yield from (f"timer     {part.unique_name} {timer}" for timer in payload.timer_family_specs)


def _main_input(part: beam_runner_api_pb2.PTransform, payload: beam_runner_api_pb2.ParDoPayload) -> str:
    (tag,) = set(part.inputs) - set(payload.side_inputs) - set(payload.timer_family_specs)
    return tag


def committed_names() -> list[str]:
    """The list as it was agreed."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    LIST.write_text(_HEADER + "".join(f"{line}\n" for line in every_permanent_name()), encoding="utf-8")
