"""``segments topics``: what Pub/Sub needs before a run."""

from typing import Annotated

import typer

from pipeline.commands.ending import ending
from pipeline.options.common import Verbose

topics = typer.Typer(help="Make topics, subscriptions and schemas on Pub/Sub.", no_args_is_help=True)


@topics.callback()
def group() -> None:
    """Make topics, subscriptions and schemas on Pub/Sub."""


@topics.command()
def create(
    config: Annotated[str, typer.Option(metavar="FILE", help="What there is to be (YAML).")],
    project: Annotated[
        str | None, typer.Option(metavar="ID", help="The project.", show_default="the one that the file names")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    verbose: Verbose = False,
) -> None:
    """Make what is missing and change what differs from the file; nothing is deleted.

    Errors in the file are shown as FILE:LINE:COLUMN: MESSAGE.
    """
    from pipeline.io.pubsub.address import is_project
    from pipeline.io.pubsub.provisioning import provision
    from pipeline.io.pubsub.topics_file import load_topics
    from pipeline.options.errors import OptionError

    with ending(verbose):
        if project is not None and not is_project(project):
            raise OptionError(f"--project: {project!r} is no project's id")
        done = provision(load_topics(config, project), typer.echo, dry_run=dry_run)
        typer.echo(f"{done} {'to do' if dry_run else 'done'}")
