"""A run on Dataflow: the graph, the job that Beam makes of it, and its submission."""

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
from pipeline.inputs import Inputs
from pipeline.io.pubsub.place import PubsubPlace
from pipeline.options.beam_settings import Setting, as_arguments, given, render
from pipeline.options.run_options import RunOptions
from pipeline.runners.assembly import assemble
from pipeline.runners.contract import Job, Launch, Voice
from pipeline.runners.dataflow.checks import GraphSize, problems, size_of
from pipeline.runners.dataflow.options import dataflow_settings

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


def _settings(options: RunOptions) -> list[Setting]:
    return dataflow_settings(PubsubPlace.of(options.events).project, options.shards, options.beam_args)


def _arguments(options: RunOptions) -> list[str]:
    return as_arguments(_settings(options), options.beam_args)


def _pipeline(options: RunOptions, inputs: Inputs, arguments: list[str]) -> beam.Pipeline:
    pipeline = beam.Pipeline(runner=DataflowRunner(), options=PipelineOptions(arguments))
    assemble(pipeline, options, inputs, wall_clock, native=True)
    return pipeline


def check(options: RunOptions, inputs: Inputs) -> "DataflowLaunch":
    """Make the job as it would be sent; see `draft`, also for what it raises."""
    return DataflowLaunch(options, inputs, draft(options, inputs))


@dataclass(frozen=True)
class DataflowLaunch(Launch):
    """See `Launch`."""

    drafted: Drafted

    def describe(self) -> str:
        """Where the job would run, how large its graph is, and every option that Beam gets."""
        options, size = self.options, self.drafted.size
        cloud = self.drafted.job.options.view_as(GoogleCloudOptions)
        place = f"project {cloud.project}, region {cloud.region}, job {cloud.job_name}"
        asked = "" if "--update" not in options.beam_args else "; the running job that --update names was not asked"
        sound = f"nothing in it that Dataflow can't run{asked}"
        return (
            f"ready to run on Dataflow in {place}: {len(self.inputs.rules.segments)} segments\n"
            f"graph: {size.steps} steps, {size.stateful} of them with state; {sound}\n"
            f"{render(_settings(options), options.beam_args)}"
        )

    def start(self, voice: Voice) -> "DataflowJob":
        """Returns when Dataflow has the job or, with ``--template_location``, when it is written there.

        Raises:
            DataflowError: Google refuses, or can't be reached.
        """
        options = self.options
        try:
            result: Any = _pipeline(options, self.inputs, _arguments(options)).run()
        except (GoogleAPICallError, GoogleAuthError, DataflowJobAlreadyExistsError, OSError, ValueError) as error:
            raise DataflowError(f"Dataflow did not take the job: {error}") from error
        if not result.has_job:
            voice.report(f"wrote the job to {given(options.beam_args)['template_location']}")
            return DataflowJob(None)
        voice.report("the job runs by itself; `gcloud dataflow jobs` watches, drains and updates it")
        return DataflowJob(result.job_id())


@dataclass(frozen=True)
class DataflowJob(Job):
    """See `Job`. Without an id it is a template, which others start."""

    id: str | None

    def follow(self, voice: Voice) -> None:
        """The job goes on by itself."""
