"""What several commands have in common."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from segmentation.rules.model import Rules

Verbose = Annotated[
    bool, typer.Option("--verbose", envvar="SEGMENTS_VERBOSE", help="Show Beam's log, and of a failure the traceback.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show neither progress nor report; warnings and errors remain.")]


def warn_of_flags(rules: "Rules") -> None:
    """Says on standard error which segments have a flag."""
    flagged = [name for name, segment in rules.segments.items() if segment.flag is not None]
    if flagged:
        typer.echo(f"WARNING: flags are not consulted yet, so these segments are on: {', '.join(flagged)}", err=True)


def counted(number: int, what: str) -> str:
    """A number and its noun."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
