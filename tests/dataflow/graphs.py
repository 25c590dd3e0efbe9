"""Graphs of runs on Dataflow, made by the way that Beam's own Dataflow runner makes them."""

from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

from pipeline.inputs import load_inputs
from pipeline.options.beam_settings import as_arguments
from pipeline.options.run_arguments import RunArguments
from pipeline.options.run_options import RunOptions
from pipeline.runners.dataflow.job import Drafted, draft
from pipeline.runners.dataflow.options import dataflow_settings
from tests.dataflow.launching import REQUIRED, ROOT, SECRETS

EVENTS = "pubsub://a-project/subscriptions/events"
CHANGES = "pubsub://a-project/topics/changes"


def run_options(*beam_args: str, **more: Any) -> RunOptions:
    """The options of a run on Dataflow, with all that a run may leave out."""
    settings: dict[str, Any] = {
        "rules": str(ROOT / "examples" / "rules.yaml"),
        "events": EVENTS,
        "changes": CHANGES,
        "audit": "pubsub://a-project/topics/audit",
        "runner": "dataflow",
        **SECRETS,
        **more,
    }
    return RunOptions.parse(RunArguments(**settings), (*REQUIRED, *beam_args))


def drafted(*beam_args: str, **more: Any) -> Drafted:
    """The job of such a run."""
    options = run_options(*beam_args, **more)
    return draft(options, load_inputs(options))


def graph_of(build: Callable[[beam.Pipeline], Any]) -> api.Pipeline:
    """The graph that Dataflow would get of a pipeline."""
    said = as_arguments(dataflow_settings("a-project", 4, REQUIRED), REQUIRED)
    arguments = [*said, "--dry_run=True", "--no_auth"]
    pipeline = beam.Pipeline(runner=DataflowRunner(), options=PipelineOptions(arguments))
    build(pipeline)
    return pipeline.run().job.proto_pipeline
