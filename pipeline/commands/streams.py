"""``segments replay``, ``heartbeat`` and ``tail``: what goes into a topic and what comes out of one."""

from typing import Annotated

import typer

from pipeline.commands.ending import EXIT_FAILED, ending
from pipeline.options.common import Batch, Finish, MappingFile, Partitions, Quiet, Rate, To, Verbose


def replay(
    events: Annotated[str, typer.Option(metavar="PATH", help="The log: a file, a glob in quotes, or a folder.")],
    to: To,
    mapping: MappingFile = None,
    rate: Rate = None,
    batch: Batch = 1,
    partitions: Partitions = None,
    finish: Finish = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Send a log into a topic, every record once; the events of a user keep their order."""
    from pipeline.reports.terminal import reading, show_replay
    from pipeline.streams.replay import ReplayOptions, open_source
    from pipeline.streams.replay import replay as send

    with ending(verbose):
        options = ReplayOptions.parse(
            events=events, to=to, mapping=mapping, rate=rate, batch=batch, partitions=partitions, finish=finish
        )
        source = open_source(options)
        with reading([file for file, _ in source.files], quiet=quiet):
            summary = send(options, source)
        for problem in summary.problems:
            typer.echo(f"not sent: {problem}", err=True)
        if not quiet:
            show_replay(summary, options.to)
        if summary.unsendable:
            typer.echo(f"{summary.unsendable:,} records could not be sent", err=True)
            raise typer.Exit(EXIT_FAILED)


def heartbeat(
    to: To,
    every: Annotated[
        str | None, typer.Option(metavar="DURATION", help="The time between two beats.", show_default="5s")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Beat with this time (ISO 8601 with a zone).", show_default="now"),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="End after so many beats.", show_default="never; with --at, 1"),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Send heartbeats into a topic, every partition of it, so that time goes on while there are no events."""
    from pipeline.reports.terminal import counting, show_heartbeats
    from pipeline.streams.heartbeat import HeartbeatOptions, send_heartbeats

    with ending(verbose):
        options = HeartbeatOptions.parse(to=to, every=every, at=at, count=count)
        with counting("heartbeats", quiet=quiet) as progress:
            summary = send_heartbeats(options, progress)
        if not quiet:
            show_heartbeats(summary, options.to)


def tail(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TOPIC",
            help="The topic, kafka://HOST:PORT/TOPIC; or pubsub://PROJECT/subscriptions/NAME, where what is shown is "
            "acknowledged, or pubsub://PROJECT/topics/NAME, which shows what is published from now on.",
        ),
    ],
    jsonl: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the messages to this file as JSON lines; - is standard output."),
    ] = None,
    until_idle: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="End after so long without a message.", show_default="never"),
    ] = None,
    until_count: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="End after so many messages.", show_default="never")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show the changes in a topic, or the dead letters, or the audit records, one a line."""
    from pipeline.reports.terminal import show_tail
    from pipeline.streams.tail import TailOptions
    from pipeline.streams.tail import tail as read

    with ending(verbose):
        options = TailOptions.parse(source=source, jsonl=jsonl, until_idle=until_idle, until_count=until_count)
        show = None if quiet or jsonl is not None else typer.echo
        summary = read(options, show, lambda line: typer.echo(line, err=True))
        if not quiet:
            show_tail(summary)
        if summary.undecodable:
            raise typer.Exit(EXIT_FAILED)
