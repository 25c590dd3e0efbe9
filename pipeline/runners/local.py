"""A run over files in this process, on Beam's own runner or on Prism."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.inputs import Inputs
from pipeline.io.files.output import OutputFile
from pipeline.options.run_options import RunOptions
from pipeline.reports.wording import counted
from pipeline.runners.choice import LOCAL, PRISM
from pipeline.runners.contract import Job, Launch, Voice
from pipeline.runners.importing import imported_once
from pipeline.runners.summary import Summary, summary_of

if TYPE_CHECKING:
    from apache_beam.runners import PipelineRunner
    from apache_beam.runners.runner import PipelineResult


def check(options: RunOptions, inputs: Inputs) -> "LocalLaunch":
    """There is nothing to check; Beam is not imported before the run starts."""
    return LocalLaunch(options, inputs)


class LocalLaunch(Launch):
    """See `Launch`."""

    def describe(self) -> str:
        """How much there is to read and to compute."""
        files, segments = len(self.inputs.files), len(self.inputs.rules.segments)
        return f"ready to run: {counted(files, 'file')}, {counted(segments, 'segment')}"

    def start(self, voice: Voice) -> "LocalJob":  # noqa: ARG002  # there is nothing to say
        """The job is this process: it works while it is followed."""
        return LocalJob(self.options, self.inputs)


@dataclass(frozen=True)
class LocalJob(Job):
    """See `Job`."""

    id = None
    options: RunOptions
    inputs: Inputs

    def follow(self, voice: Voice) -> Summary:
        """Execute the run."""
        with imported_once():
            from apache_beam.runners.portability import fn_api_runner  # noqa: F401

            from pipeline.reports.terminal import reading
            from pipeline.runners import assembly  # noqa: F401  # with Beam
        with reading(self.inputs.files, quiet=voice.quiet):
            return execute(self.options, self.inputs)


def execute(options: RunOptions, inputs: Inputs, clock: Callable[[], float] = time.time) -> Summary:
    """Run the pipeline over ``inputs`` and write the outputs that ``options`` name.

    Raises:
        OutputError, StoreError: an output can't be written; the message names the option.
        Exception: what a step of the pipeline raised; no output file appears then.
    """
    started = time.monotonic()
    now = int(clock() * 1_000_000)
    with ExitStack() as kept:
        # Closed in the opposite order: where the changes are, all else is in its place.
        for place, written in options.destinations.items():
            kept.enter_context(place.opened(now, *written))
        file = None if options.summary is None else kept.enter_context(OutputFile(options.summary, "--summary"))
        result = _execute(options, inputs, now)
        summary = summary_of(result, inputs, round(time.monotonic() - started, 3))
        if file is not None:
            with file.writing() as stream:
                stream.write(summary.to_json().encode())
    return summary


def _execute(options: RunOptions, inputs: Inputs, now: int) -> "PipelineResult":
    from apache_beam import Pipeline
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.runners.assembly import assemble

    pipeline = Pipeline(runner=_runner(options), options=PipelineOptions(list(options.beam_args)))
    assemble(pipeline, options, inputs, now)
    result = pipeline.run()
    result.wait_until_finish()
    return result


def _runner(options: RunOptions) -> "PipelineRunner | str":
    # Beam's DirectRunner chooses between runners by itself; results must not depend on that choice.
    if options.runner == LOCAL:
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        return FnApiRunner()
    if options.runner == PRISM:
        from pipeline.runners.prism.splits import refuse_splits

        refuse_splits()
    return options.runner
