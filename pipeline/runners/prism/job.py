"""A live run on Prism, Beam's local runner: in this process, until it is interrupted. Its state is in memory only."""

import os
import threading
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, PrismRunnerOptions, StandardOptions

from pipeline.clock import wall_clock
from pipeline.graph import build
from pipeline.inputs import Inputs
from pipeline.io.place import Reading
from pipeline.options.errors import OptionError
from pipeline.options.run_options import RunOptions
from pipeline.runners.local import plan_of
from pipeline.runners.prism.splits import refuse_splits
from pipeline.runners.topic_ends import read_place, write_topics

#: The variable that names the binary.
PRISM: Final = "PRISM"


def find_prism(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The binary that ``PRISM`` names or, without it, the one that ``make prism`` built; None where there is none.

    Raises:
        OptionError: ``PRISM`` names no file.
    """
    named = environment.get(PRISM)
    if named:
        if not Path(named).is_file():
            raise OptionError(f"{PRISM}={named}: no such file")
        return Path(named)
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "segment-pipeline" / f"prism-v{version('apache-beam')}" / "prism"
    return built if built.is_file() else None


def prepare(options: RunOptions) -> PipelineOptions:
    """Beam's options for the run, which name a Prism binary.

    Raises:
        OptionError: there is none; the message says how to get one.
    """
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
    return beam_options


def run_live(options: RunOptions, inputs: Inputs, beam_options: PipelineOptions) -> None:
    """Run until interrupted, which ends the job; messages whose work is not durable then come again to the next run.

    Raises:
        KeyboardInterrupt: always, in the end, unless the job fails.
        Exception: what a step of the pipeline raised.
    """
    refuse_splits()
    pipeline = beam.Pipeline(runner="PrismRunner", options=beam_options)
    chunks = read_place(pipeline, options.events, Reading(mapping=inputs.mapping))
    write_topics(build(chunks, plan_of(options, inputs, wall_clock)), options)
    result = pipeline.run()
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        # Threads that talk with the runner tell of its end, each with a traceback.
        threading.excepthook = _ignore
        result.cancel()
        raise


def _ignore(_error: threading.ExceptHookArgs) -> None:
    """For errors that nobody has to hear of."""
