"""The command line: ``segments check | run | generate``. `pipeline.ending` has the exit codes."""

import gc
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.ending import catch_signals, ending

if TYPE_CHECKING:
    from pipeline.inputs import Inputs
    from pipeline.options import RunOptions
    from segmentation.config import Rules

app = typer.Typer(
    help="Knows which segments every user is in, exactly, from a log of events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Verbose = Annotated[
    bool, typer.Option("--verbose", envvar="SEGMENTS_VERBOSE", help="Show Beam's log, and of a failure the traceback.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show neither progress nor report; warnings and errors remain.")]


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


@app.command()
def check(rules: Annotated[str, typer.Argument(help="The rules file (YAML).", show_default=False)]) -> None:
    """Check a rules file.

    Prints every error as FILE:LINE:COLUMN: MESSAGE and exits with 2 if there is one.
    """
    from segmentation.rules_file import load_rules
    from segmentation.units import format_duration

    with ending(verbose=False):
        loaded = load_rules(rules)
        counts = f"{_counted(len(loaded.features), 'feature')}, {_counted(len(loaded.segments), 'segment')}"
        tick = format_duration(loaded.tick)
        typer.echo(f"{rules}: no errors (version {loaded.version}, tick {tick}, {counts})")
        _warn_of_flags(loaded)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    rules: Annotated[str, typer.Option(metavar="FILE", help="The rules file (YAML).")],
    events: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The event log: a file, a glob in quotes, or a folder; .jsonl, .csv or .avro, each also .gz.",
        ),
    ],
    changes: Annotated[
        str, typer.Option(metavar="FILE", help="Where the changes go: .jsonl, .jsonl.gz or .avro; appears when done.")
    ],
    mapping: Annotated[
        str | None, typer.Option(metavar="FILE", help="How the records of a foreign log read as events (YAML).")
    ] = None,
    profiles: Annotated[
        str | None, typer.Option(metavar="URL", help="The profile store, kept up to date: sqlite:///FILE.")
    ] = None,
    dead_letters: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Where refused records go.", show_default="beside the changes"),
    ] = None,
    emit: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="settled: only certain changes; early: provisional ones too, as batches arrive.",
            show_default="settled",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Settle up to this time (ISO 8601 with a zone).",
            show_default="the first tick after the last event",
        ),
    ] = None,
    max_disorder: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="How far a live stream may come out of order, such as 10s; files need none."
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="In how many parts users are worked on; no result changes.", show_default="8"
        ),
    ] = None,
    summary: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the numbers of the run to this file, as JSON.")
    ] = None,
    runner: Annotated[
        str | None, typer.Option(metavar="NAME", help="FnApiRunner or PrismRunner.", show_default="FnApiRunner")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check rules, mapping, inputs, outputs and keys; write nothing.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compute the segments of an event log, and every change of them.

    Options that are not listed here go to Beam as they are.
    """
    from pipeline.inputs import load_inputs
    from pipeline.options import RunOptions

    with ending(verbose):
        options = RunOptions.parse(
            rules=rules,
            events=events,
            changes=changes,
            mapping=mapping,
            profiles=profiles,
            dead_letters=dead_letters,
            emit=emit,
            until=until,
            max_disorder=max_disorder,
            shards=shards,
            summary=summary,
            runner=runner,
            beam_args=tuple(context.args),
        )
        inputs = load_inputs(options)
        _warn_of_flags(inputs.rules)
        if dry_run:
            counts = f"{_counted(len(inputs.files), 'file')}, {_counted(len(inputs.rules.segments), 'segment')}"
            typer.echo(f"ready to run: {counts}")
        else:
            _run(options, inputs, quiet)


@app.command()
def generate(
    users: Annotated[int, typer.Option(metavar="NUMBER", help="How many users there are.")],
    days: Annotated[int, typer.Option(metavar="NUMBER", help="How many days the log covers.")],
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Where the log goes: .jsonl, .jsonl.gz, .csv, .csv.gz or .avro.")
    ],
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="The same seed gives the same log, byte for byte.")] = 0,
    rate: Annotated[str | None, typer.Option(metavar="RATE", help="Write at this pace, such as 1000/s.")] = None,
    disorder: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How far events come out of order, such as 30s.")
    ] = None,
    duplicates: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of the events that come twice, such as 1%.")
    ] = None,
    malformed: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of broken records on top, such as 0.1%.")
    ] = None,
    drift: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share of the second half's events that have a newer shape.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Where the log begins (ISO 8601 with a zone).", show_default="2026-01-01"),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a realistic event log.

    Sign-ups, a funnel with drop-outs, heavy-tailed engagement with a daily rhythm, returning users.
    """
    from pipeline.report import counting, show_traffic
    from pipeline.traffic import TrafficOptionError, TrafficOptions
    from pipeline.traffic import generate as write_traffic

    texts = {"rate": rate, "disorder": disorder, "duplicates": duplicates, "malformed": malformed, "drift": drift}
    with ending(verbose):
        options = TrafficOptions.parse(users, days, seed, start=start, **texts)
        try:
            with counting("events", quiet=quiet) as progress:
                summary = write_traffic(options, out, progress)
        except OSError as error:
            raise TrafficOptionError("--out", str(error)) from error
        if not quiet:
            show_traffic(summary)


def _run(options: "RunOptions", inputs: "Inputs", quiet: bool) -> None:
    # Beam takes seconds to import: nothing above may need it. Its many objects live as long as the process, so the
    # garbage collector need not walk them, neither while they are made nor ever after.
    gc.disable()
    from pipeline.report import reading, show_summary, warn_of_demo_keys
    from pipeline.run import execute

    gc.freeze()
    gc.enable()
    with reading(inputs.files, quiet=quiet):
        summary = execute(options, inputs)
    if not quiet:
        show_summary(summary, options)
    warn_of_demo_keys()


def _warn_of_flags(rules: "Rules") -> None:
    flagged = [name for name, segment in rules.segments.items() if segment.flag is not None]
    if flagged:
        typer.echo(f"WARNING: flags are not consulted yet, so these segments are on: {', '.join(flagged)}", err=True)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def main() -> None:
    """The entry point of ``segments``."""
    catch_signals()
    app()
