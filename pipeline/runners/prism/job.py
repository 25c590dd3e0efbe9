"""A live run on Prism, Beam's local runner: in this process, until it is interrupted. Its state is in memory only."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, PrismRunnerOptions, StandardOptions

from pipeline.clock import wall_clock
from pipeline.inputs import Inputs
from pipeline.options.errors import OptionError
from pipeline.options.run_options import RunOptions
from pipeline.reports.wording import counted
from pipeline.runners import local
from pipeline.runners.assembly import assemble
from pipeline.runners.choice import PRISM
from pipeline.runners.contract import Job, Launch, Voice
from pipeline.runners.prism.splits import refuse_splits

#: The variable that names the binary.
_BINARY: Final = "PRISM"


def find_prism(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The binary that ``PRISM`` names or, without it, the one that ``make prism`` built; None where there is none.

    Raises:
        OptionError: ``PRISM`` names no file.
    """
    named = environment.get(_BINARY)
    if named:
        if not Path(named).is_file():
            raise OptionError(f"{_BINARY}={named}: no such file")
        return Path(named)
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "segment-pipeline" / f"prism-v{version('apache-beam')}" / "prism"
    return built if built.is_file() else None


def check(options: RunOptions, inputs: Inputs) -> Launch:
    """Over files, a run on Prism is a local one; else a Prism binary has to be there.

    Raises:
        OptionError: there is none; the message says how to get one.
    """
    if not options.live:
        return local.check(options, inputs)
    beam_options = PipelineOptions(list(options.beam_args))
    beam_options.view_as(StandardOptions).streaming = True
    prism = beam_options.view_as(PrismRunnerOptions)
    if not prism.prism_location:
        found = find_prism()
        if found is None:
            raise OptionError(
                "--runner: no Prism binary is known; `make prism` builds one (it needs Go), PRISM or --prism_location "
                "names one, and --runner flink does without"
            )
        prism.prism_location = str(found)
    return PrismLaunch(options, inputs, beam_options)


@dataclass(frozen=True)
class PrismLaunch(Launch):
    """See `Launch`."""

    beam_options: PipelineOptions

    def describe(self) -> str:
        """How much there is to compute."""
        return f"ready to run on Prism: {counted(len(self.inputs.rules.segments), 'segment')}"

    def start(self, voice: Voice) -> "PrismJob":  # noqa: ARG002  # there is nothing to say
        """The job is this process: it works while it is followed."""
        refuse_splits()
        pipeline = beam.Pipeline(runner=PRISM, options=self.beam_options)
        assemble(pipeline, self.options, self.inputs, wall_clock)
        return PrismJob(pipeline)


@dataclass(frozen=True)
class PrismJob(Job):
    """See `Job`."""

    id = None
    pipeline: beam.Pipeline

    def follow(self, voice: Voice) -> None:
        """Run until interrupted, which ends the job; messages whose work is not durable come again to the next run.

        Raises:
            KeyboardInterrupt: always, in the end, unless the job fails.
            Exception: what a step of the pipeline raised.
        """
        voice.report("running until interrupted")
        result = self.pipeline.run()
        try:
            result.wait_until_finish()
        except KeyboardInterrupt:
            # Threads that talk with the runner tell of its end, each with a traceback.
            threading.excepthook = _ignore
            result.cancel()
            raise


def _ignore(_error: threading.ExceptHookArgs) -> None:
    """For errors that say nothing but that the job has ended."""
