"""Out of a savepoint into files: a short job that restores it, writes what it finds, and ends."""

from dataclasses import dataclass
from typing import Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.graph import dump
from pipeline.options.beam_settings import Setting, as_arguments, given, render
from pipeline.options.run_options import MAX_SHARDS
from pipeline.options.state_folders import check_empty
from pipeline.runners.contract import Voice
from pipeline.runners.flink.cluster import Cluster, find_cluster
from pipeline.runners.flink.options import flink_settings
from pipeline.runners.flink.rest import FlinkError
from pipeline.runners.flink.submission import FlinkClusterRunner
from transforms.state.manifest import Manifest
from transforms.state.state_folder import StateFolder

#: No name that `segments status` looks for.
_JOB_NAME: Final = "state-export"
_SETTINGS: Final = (
    Setting("job_name", _JOB_NAME, "what Flink's console calls it"),
    Setting("checkpointing_interval", "-1", "it keeps nothing: where it fails, start it again"),
    Setting("number_of_execution_retries", "0", "likewise"),
    Setting("shutdown_sources_after_idle_ms", "0", "it ends when all is written"),
    Setting("allow_non_restored_state", None, "what source and sinks keep belongs to the job that ended"),
)


@dataclass(frozen=True)
class StateExport:
    """An export that has been checked and can start."""

    savepoint: str
    folder: StateFolder
    beam_args: tuple[str, ...]
    cluster: Cluster

    @classmethod
    def check(cls, savepoint: str, folder: StateFolder, beam_args: tuple[str, ...]) -> "StateExport":
        """Check that the job server answers and that nothing lies in the folder. Nothing is written.

        Raises:
            ClusterError: the job server isn't known or doesn't answer.
            OptionError: there are files in the folder.
            StateFilesError: the folder can't be looked at.
        """
        check_empty("--to", folder)
        cluster = find_cluster(job_endpoint=given(beam_args).get("job_endpoint"))
        cluster.reach("job_endpoint")
        return cls(savepoint, folder, beam_args, cluster)

    def describe(self) -> str:
        """Every option that the job server gets, for ``--dry-run``."""
        settings = render(self._settings(), self.beam_args)
        return f"ready to export {self.savepoint} to {self.folder.place}\n{settings}"

    def run(self, voice: Voice) -> Manifest:
        """Run the job to its end, and check what it has written.

        Raises:
            StateFilesError: nothing came, or not all.
            FlinkError: the job failed.
        """
        self.folder.make()
        arguments = as_arguments(self._settings(), self.beam_args)
        pipeline = beam.Pipeline(runner=FlinkClusterRunner(), options=PipelineOptions(arguments))
        dump(pipeline, self.folder.place, MAX_SHARDS)
        voice.report(f"a job reads the savepoint {self.savepoint}")
        result = pipeline.run()
        try:
            result.wait_until_finish()
        except RuntimeError as error:
            raise FlinkError(f"the export failed: {error}") from error
        except KeyboardInterrupt:
            result.cancel()
            raise
        voice.report(f"checking the files in {self.folder.place}")
        manifest = Manifest.of_export(self.folder, self.savepoint)
        manifest.write(self.folder)
        return manifest

    def _settings(self) -> list[Setting]:
        own = [setting for setting in _SETTINGS if setting.name not in given(self.beam_args)]
        said = (*map(str, own), *self.beam_args)
        return [*flink_settings(self.cluster.need("job_endpoint"), said, savepoint=self.savepoint), *own]
