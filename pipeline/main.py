"""The command line: ``segments check | run | generate``. Exit codes are documented in the README."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from segmentation.rules_file import load_rules
from segmentation.rules_problems import RulesError

if TYPE_CHECKING:
    from pipeline.inputs import Inputs
    from pipeline.options import RunOptions

EXIT_FAILED = 1
EXIT_USAGE = 2

app = typer.Typer(
    help="Knows which segments every user is in, exactly, from a log or stream of events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def check(rules: Annotated[str, typer.Argument(help="The rules file (YAML).")]) -> None:
    """Check a rules file: prints every error as file:line:column: message, and exits with 2 if there is one."""
    try:
        loaded = load_rules(rules)
    except RulesError as error:
        _refuse(error)
    typer.echo(f"{rules}: version {loaded.version}, {len(loaded.features)} features, {len(loaded.segments)} segments: no errors")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    rules: Annotated[str, typer.Option(help="The rules file (YAML).")],
    events: Annotated[str, typer.Option(help="The event log: a path, glob or directory (.jsonl, .avro, .csv; .gz too).")],
    changes: Annotated[str, typer.Option(help="Where the changes go: OUT.jsonl, OUT.jsonl.gz or OUT.avro.")],
    mapping: Annotated[str | None, typer.Option(help="How a foreign log's columns become events (YAML).")] = None,
    profiles: Annotated[str | None, typer.Option(help="The profile store: sqlite:///FILE.")] = None,
    dead_letters: Annotated[
        str | None, typer.Option(help="Where refused records go [default: beside the changes].")
    ] = None,
    emit: Annotated[
        str | None, typer.Option(help="early: provisional changes as events arrive; settled: only certain ones.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Settle up to this time (ISO 8601) instead of the end of the log.")] = None,
    max_disorder: Annotated[
        str | None, typer.Option(help="How far live events may come out of order, such as 10s. Files need none.")
    ] = None,
    shards: Annotated[int | None, typer.Option(help="In how many parts users are worked on [default: 4].")] = None,
    summary: Annotated[str | None, typer.Option(help="Write the counts of the run to this file, as JSON.")] = None,
    runner: Annotated[str | None, typer.Option(help="FnApiRunner (default) or PrismRunner.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check rules, mapping and inputs, and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no report.")] = False,
) -> None:
    """Compute the segments of an event log and every change of them. Further options go to Beam as they are."""
    from pipeline.io.log_stream import InputError
    from pipeline.options import OptionError, RunOptions
    from transforms.mapping_file import MappingError

    try:
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
        from pipeline.inputs import load_inputs

        inputs = load_inputs(options)
        if dry_run:
            typer.echo(f"{len(inputs.files)} file(s), {len(inputs.rules.segments)} segments: ready to run")
            return
        _run(options, inputs, quiet)
    except (OptionError, RulesError, MappingError, InputError) as error:
        _refuse(error)


@app.command()
def generate(
    users: Annotated[int, typer.Option(help="How many users there are.")],
    days: Annotated[int, typer.Option(help="How many days the log covers.")],
    out: Annotated[str, typer.Option(help="Where the log goes: .jsonl, .avro or .csv (.jsonl.gz and .csv.gz too).")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same log, byte for byte.")] = 0,
    rate: Annotated[str | None, typer.Option(help="Write at this pace, such as 1000/s.")] = None,
    disorder: Annotated[str | None, typer.Option(help="How far events come out of order, such as 30s.")] = None,
    duplicates: Annotated[str | None, typer.Option(help="Share of events delivered twice, such as 1%.")] = None,
    malformed: Annotated[str | None, typer.Option(help="Share of additional broken lines, such as 0.1%.")] = None,
    drift: Annotated[str | None, typer.Option(help="Share of events in a newer shape in the log's second half.")] = None,
    start: Annotated[str | None, typer.Option(help="Where the log begins (ISO 8601).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no report.")] = False,
) -> None:
    """Simulate onboarding traffic: sign-ups, a funnel with drop-outs, heavy-tailed engagement, returning users."""
    from pipeline.report import counting, show_traffic
    from pipeline.traffic import TrafficOptionError, TrafficOptions
    from pipeline.traffic import generate as write_traffic

    try:
        options = TrafficOptions.parse(
            users,
            days,
            seed,
            rate=rate,
            disorder=disorder,
            duplicates=duplicates,
            malformed=malformed,
            drift=drift,
            start=start,
        )
        with counting("events", quiet=quiet) as progress:
            summary = write_traffic(options, out, progress)
    except TrafficOptionError as error:
        _refuse(error)
    except OSError as error:
        _refuse(OSError(f"--out: {error}"))
    if not quiet:
        show_traffic(summary)


def _run(options: "RunOptions", inputs: "Inputs", quiet: bool) -> None:
    # Beam takes seconds to import: nothing above may need it.
    from pipeline.io.output_file import OutputError
    from pipeline.io.store_engine import StoreError
    from pipeline.report import reading, show_summary
    from pipeline.run import execute
    from transforms.keys import KeyProblem

    try:
        with reading(inputs.files, quiet=quiet):
            summary = execute(options, inputs)
    except (OutputError, StoreError, KeyProblem) as error:
        _refuse(error)
    if not quiet:
        show_summary(summary, options)


def _refuse(error: Exception) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(EXIT_USAGE)


def main() -> None:
    """The entry point of ``segments``."""
    app()
