"""What Dataflow can't run is found before anything is sent."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.coders import BytesCoder
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, TimerSpec, on_timer

from pipeline.runners.dataflow.checks import problems, size_of
from tests.dataflow.graphs import graph_of


class _Stateful(beam.DoFn):
    BAG = BagStateSpec("bag", BytesCoder())
    END = TimerSpec("end", TimeDomain.WATERMARK)

    def process(
        self,
        element: tuple[Any, bytes],
        bag: Any = beam.DoFn.StateParam(BAG),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> None:
        bag.add(element[1])
        end.set(0)

    @on_timer(END)
    def settle(self) -> Iterator[bytes]:
        yield b""


class _NoTimer(beam.DoFn):
    BAG = BagStateSpec("bag", BytesCoder())

    def process(self, element: tuple[Any, bytes], bag: Any = beam.DoFn.StateParam(BAG)) -> None:
        bag.add(element[1])


class _WallClock(_Stateful):
    END = TimerSpec("end", TimeDomain.REAL_TIME)

    def process(
        self,
        element: tuple[Any, bytes],
        bag: Any = beam.DoFn.StateParam(_Stateful.BAG),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> None:
        bag.add(element[1])
        end.set(0)

    @on_timer(END)
    def settle(self) -> Iterator[bytes]:
        yield b""


class _Finalizes(beam.DoFn):
    def process(self, _element: Any, finalizer: Any = beam.DoFn.BundleFinalizerParam) -> None:
        finalizer.register(print)


def _read(pipeline: beam.Pipeline) -> Any:
    return pipeline | ReadFromPubSub(subscription="projects/a-project/subscriptions/events")


def _keyed(pipeline: beam.Pipeline, kind: Any = int) -> Any:
    return _read(pipeline) | "Key" >> beam.Map(lambda data: (1, data)).with_output_types(tuple[kind, bytes])


def test_sound_graph_has_no_problems_and_is_counted() -> None:
    graph = graph_of(lambda pipeline: _keyed(pipeline) | "State" >> beam.ParDo(_Stateful()))
    assert problems(graph) == []
    assert (size_of(graph).stateful, size_of(graph).sources) == (1, 1)


def test_side_input_of_a_step_with_state_is_found() -> None:
    graph = graph_of(lambda pipeline: _keyed(pipeline) | "State" >> beam.ParDo(_Stateful()))
    [part] = [part for part in graph.components.transforms.values() if part.unique_name == "State"]
    payload = api.ParDoPayload.FromString(part.spec.payload)
    payload.side_inputs["side"].access_pattern.urn = "beam:side_input:iterable:v1"
    part.inputs["side"] = next(iter(part.inputs.values()))
    part.spec.payload = payload.SerializeToString()
    assert problems(graph) == ["State: a side input reaches a step with state"]


def test_step_of_the_same_name_is_found() -> None:
    graph = graph_of(lambda pipeline: _keyed(pipeline) | "State" >> beam.ParDo(_Stateful()))
    for part in graph.components.transforms.values():
        part.unique_name = part.unique_name.replace("Key", "State")
    assert problems(graph) == ["State: two steps have this name"]


def _unsure_key(pipeline: beam.Pipeline) -> None:
    _keyed(pipeline, float) | "State" >> beam.ParDo(_Stateful())


def _unsure_group(pipeline: beam.Pipeline) -> None:
    windows = beam.WindowInto(beam.window.FixedWindows(60))
    _keyed(pipeline, float) | windows | "State" >> beam.GroupByKey()


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (lambda p: _keyed(p) | "State" >> beam.ParDo(_NoTimer()), "State: state without a timer"),
        (lambda p: _keyed(p) | "State" >> beam.ParDo(_WallClock()), "State: a timer that doesn't go by event time"),
        (_unsure_key, "State: the bytes of its keys may differ"),
        (_unsure_group, "State: the bytes of its keys may differ"),
        (lambda p: _read(p) | "Fin" >> beam.ParDo(_Finalizes()), "Fin: finalizes bundles"),
        (lambda p: p | beam.Create([1]), "no source of Dataflow's own"),
        (lambda p: p | beam.Create([1]), "no input without an end"),
    ],
    ids=["no_timer", "wall_clock", "key", "group", "finalizer", "no_source", "bounded"],
)
def test_problem_is_found(build: Any, found: str) -> None:
    assert [problem for problem in problems(graph_of(build)) if problem.startswith(found)]
