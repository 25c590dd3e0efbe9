"""The upgrade contract: a job that runs today can be resumed by the code of tomorrow."""

import apache_beam as beam
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2

from pipeline.graph import dump
from pipeline.runners.flink.permanent_ids import with_permanent_ids
from tests.transforms.permanent_names import (
    LIST,
    committed_names,
    every_permanent_name,
    live_graph,
    names_of,
    permanent_names,
)

BROKEN = (
    "{} is no longer what the graph has. What is gone loses its state in every running job that is upgraded: keep the "
    "old names. Where that is meant, or where only names came on top, renew the list by "
    "`.venv/bin/python -m tests.transforms.permanent_names` and write an upgrade note.\n gone: {}\n new: {}"
)


def test_permanent_names_are_the_committed_ones() -> None:
    now, agreed = every_permanent_name(), committed_names()
    gone, new = sorted(set(agreed) - set(now)), sorted(set(now) - set(agreed))
    assert now == agreed, BROKEN.format(LIST.name, gone, new)


def test_without_an_audit_the_graph_lacks_its_sink_and_nothing_else() -> None:
    assert permanent_names() == [name for name in committed_names() if "Audit" not in name]


def test_state_is_written_out_by_steps_of_the_same_names() -> None:
    """A savepoint gives the job that writes its state to files all of it, or nothing at all."""
    pipeline = beam.Pipeline()
    dump(pipeline, "folder", shards=16)
    assert _kept(names_of(pipeline.to_runner_api())) == _kept(committed_names())


def test_steps_that_write_state_out_have_the_coders_of_the_live_ones() -> None:
    pipeline = beam.Pipeline()
    dump(pipeline, "folder", shards=16)
    assert _state_coders(pipeline.to_runner_api()) == _state_coders(live_graph())


def test_state_and_timer_ids_are_unique_across_the_pipeline() -> None:
    ids = [line.split()[-1] for line in every_permanent_name() if line.startswith(("state", "timer"))]
    assert len(ids) == len(set(ids))


def test_every_stateful_step_has_an_input_of_its_own() -> None:
    """Flink numbers the steps that share an input, in an order that nobody promises."""
    names = every_permanent_name()
    steps = {line.split()[1] for line in names if line.startswith(("state", "timer"))}
    operators = [line for line in names if line.startswith("operator") and "." in line]
    assert len(operators) == len(steps)


def test_ids_do_not_depend_on_what_stands_before() -> None:
    def ids(*, more: bool) -> dict[str, str]:
        pipeline = beam.Pipeline()
        root = pipeline | "Read" >> beam.Create([1])
        if more:
            root | "Another" >> beam.Map(print)
        root | "Double" >> beam.Map(lambda x: 2 * x)
        return _by_name(with_permanent_ids(pipeline.to_runner_api()))

    few, many = ids(more=False), ids(more=True)
    assert few.items() < many.items()


def test_named_graph_is_the_same_graph() -> None:
    pipeline = beam.Pipeline()
    pipeline | "Read" >> beam.Create([1]) | "Pair" >> beam.Map(lambda x: (x, x)) | "Group" >> beam.GroupByKey()
    named = with_permanent_ids(pipeline.to_runner_api())
    parts = named.components.transforms
    for part in parts.values():
        assert all(child in parts for child in part.subtransforms)
        assert all(each in named.components.pcollections for each in (*part.inputs.values(), *part.outputs.values()))
    (root,) = named.root_transform_ids
    assert [parts[child].unique_name for child in parts[root].subtransforms] == ["Read", "Pair", "Group"]


def _kept(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith("transform")]


def _state_coders(graph: beam_runner_api_pb2.Pipeline) -> dict[str, str]:
    """By step and cell, and by what goes into the step, the coders of values and keys, spelled out."""
    found = {}
    for part in graph.components.transforms.values():
        if part.spec.urn == common_urns.primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(part.spec.payload)
            for state, spec in payload.state_specs.items():
                kind = spec.WhichOneof("spec")
                coder = spec.bag_spec.element_coder_id or spec.read_modify_write_spec.coder_id
                found[f"{part.unique_name} {state} {kind}"] = _coder(graph, coder)
            if payload.state_specs:
                (source,) = part.inputs.values()
                found[part.unique_name] = _coder(graph, graph.components.pcollections[source].coder_id)
    return found


def _coder(graph: beam_runner_api_pb2.Pipeline, coder: str) -> str:
    found = graph.components.coders[coder]
    return f"{found.spec.urn}({', '.join(_coder(graph, each) for each in found.component_coder_ids)})"


def _by_name(pipeline: beam_runner_api_pb2.Pipeline) -> dict[str, str]:
    transforms = {part.unique_name: key for key, part in pipeline.components.transforms.items()}
    return transforms | {part.unique_name: key for key, part in pipeline.components.pcollections.items()}
