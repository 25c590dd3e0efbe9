"""``segments generate``."""

from typing import Annotated

import typer

from pipeline.commands.ending import ending
from pipeline.options.common import Batch, Finish, Partitions, Quiet, Rate, Verbose


def generate(
    users: Annotated[int, typer.Option(metavar="NUMBER", help="How many users there are.")],
    days: Annotated[int, typer.Option(metavar="NUMBER", help="How many days the log covers.")],
    out: Annotated[
        str,
        typer.Option(
            metavar="PLACE", help="Where the log goes: a .jsonl, .jsonl.gz, .csv, .csv.gz or .avro file, or a topic."
        ),
    ],
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="The same seed gives the same log, byte for byte.")] = 0,
    rate: Rate = None,
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
    batch: Batch = 1,
    partitions: Partitions = None,
    finish: Finish = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a realistic event log.

    Sign-ups, a funnel with drop-outs, heavy-tailed engagement with a daily rhythm, returning users.
    """
    from pipeline.io.topics.options import TopicOptions
    from pipeline.reports.terminal import counting, show_traffic
    from pipeline.traffic.options import TrafficOptionError, TrafficOptions
    from pipeline.traffic.simulation import generate as write_traffic

    texts = {"rate": rate, "disorder": disorder, "duplicates": duplicates, "malformed": malformed, "drift": drift}
    with ending(verbose):
        options = TrafficOptions.parse(users, days, seed, start=start, **texts)
        topic = TopicOptions(batch, partitions, finish)
        try:
            with counting("events", quiet=quiet) as progress:
                summary = write_traffic(options, out, progress, topic=topic)
        except OSError as error:
            raise TrafficOptionError("--out", str(error)) from error
        if not quiet:
            show_traffic(summary)
