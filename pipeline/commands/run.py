"""``segments run``."""

import sys

import typer

from pipeline.commands.ending import ending
from pipeline.commands.local_start import import_beam_alone, is_local_run
from pipeline.commands.shared import warn_of_flags
from pipeline.options.declaring import options_of
from pipeline.options.run_arguments import RunArguments


@options_of(RunArguments)
def run(context: typer.Context, arguments: RunArguments) -> None:
    """Compute the segments of an event log or a topic, and every change of them.

    Options that are not listed here go to Beam, and on Flink to its job server, as they are.
    """
    from pipeline.inputs import key_source, load_inputs
    from pipeline.options.run_options import RunOptions
    from pipeline.runners.contract import Voice, check_with

    with ending(arguments.verbose):
        options = RunOptions.parse(arguments, tuple(context.args))
        inputs = load_inputs(options)
        warn_of_flags(inputs.rules)
        launch = check_with(options.runner, options, inputs)
        if arguments.dry_run:
            typer.echo(launch.describe())
            return
        if is_local_run(sys.argv[1:]):
            import_beam_alone()
        from pipeline.reports.terminal import show_summary, warn_of_demo_keys

        voice = Voice(arguments.quiet)
        job = launch.start(voice)
        demo = key_source(options).demo
        if demo and options.live:
            warn_of_demo_keys()
        if job.id is not None:
            typer.echo(f"JOB={job.id}")
        summary = job.follow(voice)
        if summary is not None and not arguments.quiet:
            show_summary(summary, options)
        if demo and not options.live:
            warn_of_demo_keys()
