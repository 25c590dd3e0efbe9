"""A run on Flink: check what it needs, submit it, and follow the job until it ends."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from pipeline.clock import wall_clock
from pipeline.graph import build
from pipeline.inputs import Inputs
from pipeline.io.place import Reading
from pipeline.io.pubsub.address import EMULATOR
from pipeline.options.beam_settings import given, render
from pipeline.options.run_options import RunOptions
from pipeline.runners.flink.cluster import Cluster, find_cluster
from pipeline.runners.flink.keys import worker_environment
from pipeline.runners.flink.options import JOB_NAME, flink_options, flink_settings
from pipeline.runners.flink.rest import Failure, FlinkError, FlinkRest, Job
from pipeline.runners.flink.submission import FlinkClusterRunner
from pipeline.runners.local import plan_of, summary_of
from pipeline.runners.topic_ends import read_place, write_topics

#: What no retry mends: the job is given up.
_FATAL = ("ShardStateError", "MessageError", "SecretKeyError", "AddressError")
_POLL = 0.5
#: Seconds that a submitted job may take to show up.
_PATIENCE = 60.0


@dataclass(frozen=True)
class Launch:
    """A run that has been checked and can be submitted."""

    options: RunOptions
    inputs: Inputs
    cluster: Cluster


@dataclass(frozen=True)
class LiveJob:
    """A job that was submitted."""

    id: str
    flink: FlinkRest
    result: PipelineResult
    started: float


def prepare(options: RunOptions, inputs: Inputs) -> Launch:
    """Find the cluster and check that everything on the way answers. Nothing is written.

    Raises:
        ClusterError: it isn't known or doesn't answer; the message names the option.
    """
    endpoint = given(options.beam_args).get("job_endpoint")
    cluster = find_cluster(job_endpoint=endpoint, expansion=options.expansion_service)
    for name in ("flink", "job_endpoint", *(["expansion"] if options.events.needs_expansion else [])):
        cluster.reach(name)
    return Launch(options, inputs, cluster)


def describe(launch: Launch) -> str:
    """What a run would do, for ``--dry-run``."""
    options = launch.options
    settings = flink_settings(
        launch.cluster.need("job_endpoint"), options.beam_args, savepoint=options.from_savepoint, detach=options.detach
    )
    count = len(launch.inputs.rules.segments)
    return f"ready to run on {launch.cluster.need('flink')}: {count} segments\n{render(settings, options.beam_args)}"


def submit(launch: Launch, say: Callable[[str], None]) -> LiveJob:
    """Start the job; returns when the cluster has it. ``say`` tells what was made on the way.

    Raises:
        TopicError: a broker doesn't answer or refuses.
        FlinkError: the cluster doesn't answer, or the job never appears.
    """
    options = launch.options
    started = time.monotonic()
    for place in (options.events, *options.outputs.values()):
        place.make(say)
    flink = FlinkRest(launch.cluster.need("flink"))
    known = {job.id for job in flink.jobs()}
    result = _pipeline(launch).run()
    name = given(options.beam_args).get("job_name") or JOB_NAME
    return LiveJob(_appeared(flink, name, known, result).id, flink, result, started)


def _pipeline(launch: Launch) -> beam.Pipeline:
    options, cluster = launch.options, launch.cluster
    arguments = flink_options(
        cluster.need("job_endpoint"),
        options.beam_args,
        savepoint=options.from_savepoint,
        detach=options.detach,
        environment=worker_environment(cluster) | _emulator(),
    )
    pipeline = beam.Pipeline(runner=FlinkClusterRunner(), options=PipelineOptions(arguments))
    expansion = cluster.need("expansion") if options.events.needs_expansion else None
    reading = Reading(mapping=launch.inputs.mapping, expansion_service=expansion)
    chunks = read_place(pipeline, options.events, reading)
    write_topics(build(chunks, plan_of(options, launch.inputs, wall_clock)), options)
    return pipeline


def _emulator() -> dict[str, str]:
    """Workers use the Pub/Sub that this process uses."""
    host = os.environ.get(EMULATOR)
    return {EMULATOR: host} if host else {}


def _appeared(flink: FlinkRest, name: str, known: set[str], result: PipelineResult) -> Job:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for job in flink.jobs():
            if job.id not in known and job.name.startswith(name):
                return job
        if result.state in ("FAILED", "CANCELLED"):
            raise FlinkError(f"{flink.url}: the job server could not submit the job; its log says why")
        time.sleep(_POLL)
    raise FlinkError(f"{flink.url}: no job {name} has appeared within {_PATIENCE:g} s; the job server's log says why")


def follow(job: LiveJob, launch: Launch, say: Callable[[str], None]) -> None:
    """Return when the job has ended; ``say`` tells of restarts meanwhile.

    Raises:
        FlinkError: the job failed, or was given up because of something that no retry mends.
    """
    told = 0
    while True:
        found, _ = job.flink.job(job.id)
        for failure in reversed(job.flink.exceptions(job.id)):
            if failure.at > told:
                told = failure.at
                _refuse_fatal(job, failure)
                say(f"the job restarts: {failure.message}")
        if not found.active:
            break
        time.sleep(_POLL)
    if found.state == "FAILED":
        raise FlinkError(f"{job.flink.url}: job {job.id} failed")
    if launch.options.summary is not None:
        summary = summary_of(job.result, launch.inputs, round(time.monotonic() - job.started, 3))
        Path(launch.options.summary).write_text(summary.to_json(), encoding="utf-8")
    say(f"job {job.id} ended: {found.state}")


def _refuse_fatal(job: LiveJob, failure: Failure) -> None:
    if any(name in failure.message for name in _FATAL):
        job.flink.cancel(job.id)
        raise FlinkError(failure.message)
