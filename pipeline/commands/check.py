"""``segments check``."""

from typing import Annotated

import typer

from pipeline.commands.ending import ending
from pipeline.commands.shared import warn_of_flags
from pipeline.reports.wording import counted


def check(rules: Annotated[str, typer.Argument(help="The rules file (YAML).", show_default=False)]) -> None:
    """Check a rules file.

    Prints every error as FILE:LINE:COLUMN: MESSAGE and exits with 2 if there is one.
    """
    from segmentation.rules.file import load_rules
    from segmentation.units import format_duration

    with ending(verbose=False):
        loaded = load_rules(rules)
        counts = f"{counted(len(loaded.features), 'feature')}, {counted(len(loaded.segments), 'segment')}"
        tick = format_duration(loaded.tick)
        typer.echo(f"{rules}: no errors (version {loaded.version}, tick {tick}, {counts})")
        warn_of_flags(loaded)
