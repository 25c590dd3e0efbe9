"""``segments run``."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.ending import ending
from pipeline.commands.shared import Quiet, Verbose, counted, warn_of_flags

if TYPE_CHECKING:
    from pipeline.inputs import Inputs
    from pipeline.options.run_options import RunOptions


def run(
    context: typer.Context,
    rules: Annotated[str, typer.Option(metavar="FILE", help="The rules file (YAML); also gs://BUCKET/FILE.")],
    events: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The events: a file, a glob in quotes, or a folder (.jsonl, .csv or .avro, each also .gz); "
            "or live ones, kafka://HOST:PORT/TOPIC or pubsub://PROJECT/subscriptions/NAME.",
        ),
    ],
    changes: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="Where the changes go: a .jsonl, .jsonl.gz or .avro file, which appears when done, or a topic, "
            "kafka://HOST:PORT/TOPIC or pubsub://PROJECT/topics/NAME.",
        ),
    ],
    mapping: Annotated[
        str | None, typer.Option(metavar="FILE", help="How the records of a foreign log read as events (YAML).")
    ] = None,
    profiles: Annotated[
        str | None, typer.Option(metavar="URL", help="The profile store, kept up to date: sqlite:///FILE.")
    ] = None,
    dead_letters: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Where refused records go.", show_default="beside the changes"),
    ] = None,
    audit: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Where a record of every late event goes, with the tick from which it counts: a .jsonl, .jsonl.gz or "
            ".avro file, or a topic. In files nothing is late.",
            show_default="nowhere",
        ),
    ] = None,
    emit: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="settled: only certain changes; early: provisional ones too, as batches arrive.",
            show_default="settled; early where a topic is read",
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
            metavar="DURATION",
            help="How far a live stream may come out of order; files need none.",
            show_default="10s where a topic is read",
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="In how many parts users are worked on; no result changes.",
            show_default="8; 4 where a topic is read",
        ),
    ] = None,
    summary: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the numbers of the run to this file, as JSON.")
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="FnApiRunner, PrismRunner, flink or dataflow.",
            show_default="FnApiRunner; flink for kafka://, PrismRunner for pubsub://",
        ),
    ] = None,
    expansion_service: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="On Flink: the expansion service that knows the topic's source.",
            show_default="EXPANSION in the environment, or the local stack's",
        ),
    ] = None,
    from_savepoint: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="On Flink: go on from this savepoint or retained checkpoint."),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="On Flink: return as soon as the job runs, and print JOB=ID.")
    ] = False,
    state_key_secret: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The version of a secret in Secret Manager that holds the state key.",
            show_default="SEGMENTS_STATE_KEY in the workers' environment",
        ),
    ] = None,
    pseudonym_key_secret: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The same for the key of the published pseudonyms.",
            show_default="SEGMENTS_PSEUDONYM_KEY in the workers' environment",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check rules, mapping, inputs, outputs and keys; write nothing.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compute the segments of an event log or a topic, and every change of them.

    Options that are not listed here go to Beam, and on Flink to its job server, as they are.
    """
    from pipeline.inputs import load_inputs
    from pipeline.options.run_options import RunOptions
    from pipeline.runners.choice import DATAFLOW

    with ending(verbose):
        options = RunOptions.parse(
            rules=rules,
            events=events,
            changes=changes,
            mapping=mapping,
            profiles=profiles,
            dead_letters=dead_letters,
            audit=audit,
            emit=emit,
            until=until,
            max_disorder=max_disorder,
            shards=shards,
            summary=summary,
            runner=runner,
            expansion_service=expansion_service,
            from_savepoint=from_savepoint,
            detach=detach,
            state_key_secret=state_key_secret,
            pseudonym_key_secret=pseudonym_key_secret,
            beam_args=tuple(context.args),
        )
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
