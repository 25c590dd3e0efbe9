"""The command line, ``segments``. `pipeline.commands` says what each command does, and with which code it ends."""

from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from pipeline.commands.check import check
from pipeline.commands.ending import catch_signals
from pipeline.commands.generate import generate
from pipeline.commands.jobs import status, stop
from pipeline.commands.run import run
from pipeline.commands.stack import stack
from pipeline.commands.state import state
from pipeline.commands.streams import heartbeat, replay, tail
from pipeline.commands.topics import topics

app = typer.Typer(
    help="Knows which segments every user is in, exactly, from a log of events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
#: Arguments that another program understands.
_AS_THEY_ARE = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command()(check)
app.command(context_settings=_AS_THEY_ARE)(run)
for _command in (generate, replay, heartbeat, tail, status, stop):
    app.command()(_command)
app.command(context_settings=_AS_THEY_ARE, add_help_option=False)(stack)
app.add_typer(topics, name="topics")
app.add_typer(state, name="state")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"segments {installed_version('segment-pipeline')}")
        raise typer.Exit


@app.callback()
def segments(
    version: Annotated[  # its callback sees to it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Knows which segments every user is in, exactly, from a log of events."""


def main() -> None:
    """The entry point of ``segments``."""
    catch_signals()
    app()
