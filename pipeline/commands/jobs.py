"""``segments status`` and ``segments stop``: jobs on Flink."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.ending import EXIT_FAILED, ending
from pipeline.options.common import Verbose

if TYPE_CHECKING:
    from pipeline.runners.flink.rest import FlinkRest

Which = Annotated[
    str | None,
    typer.Option("--job", metavar="JOB", help="Id or name of the job.", show_default="the only one named segments…"),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--flink",
        metavar="URL",
        help="Flink's REST interface.",
        show_default="FLINK in the environment, or the local stack's",
    ),
]


def status(
    job: Which = None,
    flink: Where = None,
    events: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="What the job reads, as it was told: shows its lag.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    verbose: Verbose = False,
) -> None:
    """Show how a job on Flink is: records, changes, event time, lag, checkpoints, restarts.

    Exits with 1 where the job has failed.
    """
    from pipeline.io.kafka.address import KafkaAddress
    from pipeline.runners.flink.operations import status as look
    from pipeline.runners.flink.showing import render_status

    with ending(verbose):
        topic = None if events is None else KafkaAddress.parse(events, "--events")
        found = look(_rest(flink), job, topic)
        typer.echo(json.dumps(found.to_dict(), indent=2) if as_json else render_status(found), nl=as_json)
        if found.state == "FAILED":
            raise typer.Exit(EXIT_FAILED)


def stop(
    job: Which = None,
    flink: Where = None,
    savepoint: Annotated[
        bool, typer.Option("--savepoint", help="Keep the state; prints SAVEPOINT=PATH to go on from.")
    ] = False,
    savepoints: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Where the savepoint goes, as the cluster sees it; implies --savepoint."),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Stop a job on Flink, with a savepoint or without.

    Without one its last checkpoint stays, and can be gone on from as well.
    """
    from pipeline.runners.flink.operations import find_job
    from pipeline.runners.flink.operations import stop as stop_with_savepoint

    with ending(verbose):
        rest = _rest(flink)
        if savepoint or savepoints is not None:
            typer.echo(f"SAVEPOINT={stop_with_savepoint(rest, job, savepoints)}")
        else:
            found = find_job(rest, job)
            rest.cancel(found.id)
            typer.echo(f"cancelled {found.name} ({found.id})")


def _rest(url: str | None) -> "FlinkRest":
    from pipeline.runners.flink.cluster import find_cluster
    from pipeline.runners.flink.rest import FlinkRest

    return FlinkRest(find_cluster(flink=url).reach("flink"))
