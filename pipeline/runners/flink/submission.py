"""Submits a pipeline to a Flink cluster by way of Beam's job server."""

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.portable_runner import PortableRunner

from pipeline.runners.flink.permanent_ids import with_permanent_ids


class FlinkClusterRunner(PortableRunner):
    """Beam's portable runner, with ids that a savepoint can be resumed by (`pipeline.runners.flink.permanent_ids`)."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Beam left it without types

    def run_portable_pipeline(
        self, pipeline: beam_runner_api_pb2.Pipeline, options: PipelineOptions
    ) -> beam.runners.runner.PipelineResult:
        """Submits the pipeline; returns when the cluster has it."""
        return super().run_portable_pipeline(with_permanent_ids(pipeline), options)
