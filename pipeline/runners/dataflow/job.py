"""A run on Dataflow: the graph, the job that Beam makes of it, and its submission."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.dataflow.internal import apiclient
from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError

from pipeline.clock import wall_clock
from pipeline.graph import build
from pipeline.inputs import Inputs
from pipeline.io.place import Reading
from pipeline.io.pubsub.place import PubsubPlace
from pipeline.options.beam_settings import given, render
from pipeline.options.run_options import RunOptions
from pipeline.runners.dataflow.checks import GraphSize, problems, size_of
from pipeline.runners.dataflow.options import dataflow_options, dataflow_settings
from pipeline.runners.local import plan_of
from pipeline.runners.topic_ends import read_place, write_topics

if TYPE_CHECKING:
    from apache_beam.portability.api import beam_runner_api_pb2 as api

#: What a dry run leaves out: Beam would ask Google for the running job.
_ASKING: Final = ("--update",)


class GraphError(Exception):
    """Dataflow couldn't run the graph."""


class DataflowError(Exception):
    """Dataflow did not take the job."""


@dataclass(frozen=True)
class Drafted:
    """A job as it would be sent, and its graph."""

    job: apiclient.Job
    graph: "api.Pipeline"
    size: GraphSize


def draft(options: RunOptions, inputs: Inputs) -> Drafted:
    """Make the job by the way that Beam's Dataflow runner makes it, and check its graph; nothing is sent or asked.

    Raises:
        OptionError: an option that Dataflow needs is missing or can't be used.
        GraphError: Dataflow couldn't run the graph.
    """
    arguments = [argument for argument in _arguments(options) if argument not in _ASKING]
    result: Any = _pipeline(options, inputs, [*arguments, "--dry_run=True", "--no_auth"]).run()
    job = result.job
    found = problems(job.proto_pipeline)
    if found:
        raise GraphError("Dataflow can't run this graph:\n" + "\n".join(f"  {each}" for each in found))
    return Drafted(job, job.proto_pipeline, size_of(job.proto_pipeline))


def describe(options: RunOptions, inputs: Inputs) -> str:
    """What a run would do, for ``--dry-run``.

    Raises:
        OptionError, GraphError: as `draft`.
    """
    drafted = draft(options, inputs)
    cloud = drafted.job.options.view_as(GoogleCloudOptions)
    size, count = drafted.size, len(inputs.rules.segments)
    place = f"project {cloud.project}, region {cloud.region}, job {cloud.job_name}"
    asked = "" if "--update" not in options.beam_args else "; the running job that --update names was not asked"
    return (
        f"ready to run on Dataflow in {place}: {count} segments\n"
        f"graph: {size.steps} steps, {size.stateful} of them with state; nothing in it that Dataflow can't run{asked}\n"
        f"{render(dataflow_settings(_project(options), options.shards, options.beam_args), options.beam_args)}"
    )


def submit(options: RunOptions, inputs: Inputs, say: Callable[[str], None]) -> str | None:
    """Start the job and return its id when Dataflow has it; None where ``--template_location`` only has it written
    there. The job goes on by itself.

    Raises:
        OptionError, GraphError: as `draft`.
        DataflowError: Google refuses, or can't be reached.
    """
    draft(options, inputs)
    try:
        result: Any = _pipeline(options, inputs, _arguments(options)).run()
    except (GoogleAPICallError, GoogleAuthError, DataflowJobAlreadyExistsError, OSError, ValueError) as error:
        raise DataflowError(f"Dataflow did not take the job: {error}") from error
    if not result.has_job:
        say(f"wrote the job to {given(options.beam_args)['template_location']}")
        return None
    job: str = result.job_id()
    say("the job runs by itself; `gcloud dataflow jobs` watches, drains and updates it")
    return job


def _project(options: RunOptions) -> str:
    return PubsubPlace.of(options.events).project


def _arguments(options: RunOptions) -> list[str]:
    return dataflow_options(_project(options), options.shards, options.beam_args)


def _pipeline(options: RunOptions, inputs: Inputs, arguments: list[str]) -> beam.Pipeline:
    pipeline = beam.Pipeline(runner=DataflowRunner(), options=PipelineOptions(arguments))
    chunks = read_place(pipeline, options.events, Reading(mapping=inputs.mapping, native=True))
    write_topics(build(chunks, plan_of(options, inputs, wall_clock)), options)
    return pipeline
