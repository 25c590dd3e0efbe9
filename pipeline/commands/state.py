"""``segments state``: the state of a live job as files, for a job with another number of shards or elsewhere."""

from typing import Annotated

import typer

from pipeline.commands.ending import ending
from pipeline.options.common import Quiet, Verbose

state = typer.Typer(
    help="Take the state of a live job to a job with another number of shards, or on another cluster.",
    no_args_is_help=True,
)


@state.callback()
def group() -> None:
    """Take the state of a live job to a job with another number of shards, or on another cluster."""


@state.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def export(
    context: typer.Context,
    savepoint: Annotated[
        str, typer.Option(metavar="PATH", help="The savepoint, or retained checkpoint, as the cluster sees it.")
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help="Where the files go: a new or empty folder that is the same for this command and for the workers.",
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the folder and the cluster; start nothing, write nothing.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write the state in a savepoint of a live job on Flink to files, by a short job on its cluster.

    The savepoint stays as it is. Options that are not listed here go to Beam's job server, as with `segments run`.
    """
    from pipeline.options.beam_args import check_beam_args
    from pipeline.options.state_folders import absolute
    from pipeline.runners.contract import Voice
    from pipeline.runners.flink.state_export import StateExport
    from transforms.state.state_folder import StateFolder

    with ending(verbose):
        beam_args = tuple(context.args)
        check_beam_args(beam_args, ("--savepoint", "--to", "--dry-run", "--quiet", "--verbose", "--help"), flink=True)
        wanted = StateExport.check(savepoint, StateFolder(absolute(to)), beam_args)
        if dry_run:
            typer.echo(wanted.describe(), nl=False)
            return
        manifest = wanted.run(Voice(quiet))
        typer.echo(f"STATE={wanted.folder.place}")
        if not quiet:
            typer.echo(f"{manifest.shards} shards, {len(manifest.files)} files", err=True)


@state.command("import")
def import_(
    source: Annotated[str, typer.Option("--from", metavar="FOLDER", help="What `segments state export` wrote.")],
    to: Annotated[str, typer.Option(metavar="FOLDER", help="Where the new files go: a new or empty folder.")],
    shards: Annotated[int, typer.Option(metavar="NUMBER", help="How many shards the next job has.")],
    rules: Annotated[str, typer.Option(metavar="FILE", help="The rules file of the job that the state is of.")],
    max_disorder: Annotated[
        str, typer.Option(metavar="DURATION", help="The --max-disorder of the job that the state is of.")
    ] = "10s",
    duplicates_within: Annotated[
        str, typer.Option(metavar="DURATION", help="The --duplicates-within of the job that the state is of.")
    ] = "24h",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check what there is, and say what would be done; write nothing.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make of exported state the state that a job with another number of shards starts with.

    It needs no cluster. `segments run --from-state` takes what it writes.
    """
    from pipeline.options.state_folders import absolute
    from pipeline.runners.contract import Voice
    from pipeline.runners.state_import import StateImport

    with ending(verbose):
        timing = (max_disorder, duplicates_within)
        wanted = StateImport.check(absolute(source), absolute(to), shards, rules, *timing)
        if dry_run:
            typer.echo(wanted.describe())
            return
        typer.echo(f"STATE={wanted.run(Voice(quiet))}")
