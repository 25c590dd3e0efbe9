"""A run on Flink: check what it needs, submit it, and follow the job until it ends."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from pipeline.clock import wall_clock
from pipeline.inputs import Inputs
from pipeline.io.pubsub.address import EMULATOR
from pipeline.options.beam_settings import Setting, as_arguments, given, render
from pipeline.options.run_options import RunOptions
from pipeline.runners.assembly import assemble
from pipeline.runners.contract import Job, Launch, Voice
from pipeline.runners.flink.cluster import Cluster, find_cluster
from pipeline.runners.flink.keys import worker_environment
from pipeline.runners.flink.options import JOB_NAME, flink_settings
from pipeline.runners.flink.rest import FlinkError, FlinkRest
from pipeline.runners.flink.rest import Job as JobState
from pipeline.runners.flink.submission import FlinkClusterRunner
from pipeline.runners.summary import summary_of

#: Seconds between two questions to Flink, which calls nobody back: until a deadline, or the end of the job.
_POLL = 0.5
#: Seconds that a job may take to fail by itself where no retry mends what it met.
_FAILING = 10.0
#: Seconds that a submitted job may take to show up.
_PATIENCE = 60.0


def check(options: RunOptions, inputs: Inputs) -> "FlinkLaunch":
    """Find the cluster and check that everything on the way answers. Nothing is written.

    Raises:
        ClusterError: it isn't known or doesn't answer; the message names the option.
    """
    endpoint = given(options.beam_args).get("job_endpoint")
    cluster = find_cluster(job_endpoint=endpoint, expansion=options.expansion_service)
    for name in ("flink", "job_endpoint", *(["expansion"] if options.events.needs_expansion else [])):
        cluster.reach(name)
    return FlinkLaunch(options, inputs, cluster)


@dataclass(frozen=True)
class FlinkLaunch(Launch):
    """See `Launch`."""

    cluster: Cluster

    def describe(self) -> str:
        """The cluster, and every option that the job server gets."""
        count = len(self.inputs.rules.segments)
        settings = render(self._settings(), self.options.beam_args)
        return f"ready to run on {self.cluster.need('flink')}: {count} segments\n{settings}"

    def start(self, voice: Voice) -> "FlinkJob":
        """Submit the job; returns when the cluster has it.

        Raises:
            TopicError: a broker doesn't answer or refuses.
            FlinkError: the cluster doesn't answer, or the job never appears.
        """
        started = time.monotonic()
        for place in (self.options.events, *self.options.outputs.values()):
            place.make(voice.say)
        flink = FlinkRest(self.cluster.need("flink"))
        known = {job.id for job in flink.jobs()}
        result = self._pipeline().run()
        name = given(self.options.beam_args).get("job_name") or JOB_NAME
        return FlinkJob(_appeared(flink, name, known, result).id, self, flink, result, started)

    def _settings(self, environment: Mapping[str, str] | None = None) -> list[Setting]:
        options, endpoint = self.options, self.cluster.need("job_endpoint")
        said, savepoint = options.beam_args, options.from_savepoint
        return flink_settings(endpoint, said, savepoint=savepoint, detach=options.detach, environment=environment)

    def _pipeline(self) -> beam.Pipeline:
        options, cluster = self.options, self.cluster
        settings = self._settings(worker_environment(cluster) | _emulator())
        arguments = as_arguments(settings, options.beam_args)
        pipeline = beam.Pipeline(runner=FlinkClusterRunner(), options=PipelineOptions(arguments))
        expansion = cluster.need("expansion") if options.events.needs_expansion else None
        assemble(pipeline, options, self.inputs, wall_clock, expansion_service=expansion)
        return pipeline


def _emulator() -> dict[str, str]:
    """Workers use the Pub/Sub that this process uses."""
    host = os.environ.get(EMULATOR)
    return {EMULATOR: host} if host else {}


def _appeared(flink: FlinkRest, name: str, known: set[str], result: PipelineResult) -> JobState:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for job in flink.jobs():
            if job.id not in known and job.name.startswith(name):
                return job
        if result.state in ("FAILED", "CANCELLED"):
            raise FlinkError(f"{flink.url}: the job server could not submit the job; its log says why")
        time.sleep(_POLL)
    raise FlinkError(f"{flink.url}: no job {name} has appeared within {_PATIENCE:g} s; the job server's log says why")


@dataclass(frozen=True)
class FlinkJob(Job):
    """See `Job`."""

    id: str
    launch: FlinkLaunch
    flink: FlinkRest
    result: PipelineResult
    started: float

    def follow(self, voice: Voice) -> None:
        """Return when the job has ended; tells of restarts meanwhile.

        Raises:
            FlinkError: the job failed; of what no retry mends, the message says what it is.
        """
        if self.launch.options.detach:
            return
        told = 0
        while True:
            found, _ = self.flink.job(self.id)
            for failure in reversed(self.flink.exceptions(self.id)):
                if failure.at > told:
                    told = failure.at
                    if failure.fatal:
                        self._give_up()
                        raise FlinkError(failure.message)
                    voice.report(f"the job restarts: {failure.message}")
            if not found.active:
                break
            time.sleep(_POLL)
        if found.state == "FAILED":
            raise FlinkError(f"{self.flink.url}: job {self.id} failed")
        self._write_summary()
        voice.report(f"job {self.id} ended: {found.state}")

    def _give_up(self) -> None:
        """The job fails by itself where the cluster has this project's jar (`segments.workers`); else it is ended."""
        deadline = time.monotonic() + _FAILING
        while self.flink.job(self.id)[0].active:
            if time.monotonic() > deadline:
                self.flink.cancel(self.id)
                return
            time.sleep(_POLL)

    def _write_summary(self) -> None:
        if self.launch.options.summary is not None:
            summary = summary_of(self.result, self.launch.inputs, round(time.monotonic() - self.started, 3))
            Path(self.launch.options.summary).write_text(summary.to_json(), encoding="utf-8")
