"""``segments run``."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from pipeline.commands.ending import ending
from pipeline.commands.shared import counted, warn_of_flags
from pipeline.options.declaring import options_of
from pipeline.options.run_arguments import RunArguments

if TYPE_CHECKING:
    from pipeline.inputs import Inputs
    from pipeline.options.run_options import RunOptions


@options_of(RunArguments)
def run(context: typer.Context, arguments: RunArguments) -> None:
    """Compute the segments of an event log or a topic, and every change of them.

    Options that are not listed here go to Beam, and on Flink to its job server, as they are.
    """
    from pipeline.inputs import load_inputs
    from pipeline.options.run_options import RunOptions
    from pipeline.runners.choice import DATAFLOW

    quiet, dry_run = arguments.quiet, arguments.dry_run
    with ending(arguments.verbose):
        options = RunOptions.parse(arguments, tuple(context.args))
        inputs = load_inputs(options)
        warn_of_flags(inputs.rules)
        if options.runner == DATAFLOW:
            _run_on_dataflow(options, inputs, quiet=quiet, dry_run=dry_run)
        elif options.live:
            _run_live(options, inputs, quiet=quiet, dry_run=dry_run)
        elif dry_run:
            counts = f"{counted(len(inputs.files), 'file')}, {counted(len(inputs.rules.segments), 'segment')}"
            typer.echo(f"ready to run: {counts}")
        else:
            _run(options, inputs, quiet)


def _run(options: "RunOptions", inputs: "Inputs", quiet: bool) -> None:
    with _imported_once():
        from pipeline.inputs import key_source
        from pipeline.reports.terminal import reading, show_summary, warn_of_demo_keys
        from pipeline.runners.local import execute
    with reading(inputs.files, quiet=quiet):
        summary = execute(options, inputs)
    if not quiet:
        show_summary(summary, options)
    if key_source(options).demo:
        warn_of_demo_keys()


def _run_live(options: "RunOptions", inputs: "Inputs", *, quiet: bool, dry_run: bool) -> None:
    from pipeline.runners.choice import PRISM

    if options.runner == PRISM:
        _run_on_prism(options, inputs, quiet=quiet, dry_run=dry_run)
        return
    with _imported_once():
        from pipeline.inputs import key_source
        from pipeline.reports.terminal import warn_of_demo_keys
        from pipeline.runners.flink.job import describe, follow, prepare, submit
    launch = prepare(options, inputs)
    if dry_run:
        typer.echo(describe(launch))
        return
    job = submit(launch, _say)
    if key_source(options).demo:
        warn_of_demo_keys()
    typer.echo(f"JOB={job.id}")
    if not options.detach:
        follow(job, launch, (lambda _: None) if quiet else _say)


def _run_on_dataflow(options: "RunOptions", inputs: "Inputs", *, quiet: bool, dry_run: bool) -> None:
    with _imported_once():
        from pipeline.runners.dataflow.job import describe, submit
    if dry_run:
        typer.echo(describe(options, inputs))
        return
    job = submit(options, inputs, (lambda _: None) if quiet else _say)
    if job is not None:
        typer.echo(f"JOB={job}")


def _run_on_prism(options: "RunOptions", inputs: "Inputs", *, quiet: bool, dry_run: bool) -> None:
    with _imported_once():
        from pipeline.inputs import key_source
        from pipeline.reports.terminal import warn_of_demo_keys
        from pipeline.runners.prism.job import prepare, run_live
    beam_options = prepare(options)
    if dry_run:
        typer.echo(f"ready to run on Prism: {counted(len(inputs.rules.segments), 'segment')}")
        return
    if key_source(options).demo:
        warn_of_demo_keys()
    if not quiet:
        _say("running until interrupted")
    run_live(options, inputs, beam_options)


def _say(line: str) -> None:
    typer.echo(line, err=True)


@contextmanager
def _imported_once() -> Iterator[None]:
    """Beam takes seconds to import: nothing above may need it. Its many objects live as long as the process, so the
    garbage collector need not walk them, neither while they are made nor ever after."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()
