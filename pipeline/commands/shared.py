"""What several commands have in common."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from segmentation.rules.model import Rules


def warn_of_flags(rules: "Rules") -> None:
    """Says on standard error which segments have a flag."""
    flagged = [name for name, segment in rules.segments.items() if segment.flag is not None]
    if flagged:
        typer.echo(f"WARNING: flags are not consulted yet, so these segments are on: {', '.join(flagged)}", err=True)
