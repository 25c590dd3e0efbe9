"""``segments stack``."""

import typer


def stack(context: typer.Context) -> None:
    """Start, stop and show a local Flink cluster, job server and Kafka broker: up, down, status."""
    from deploy.local.__main__ import main

    raise typer.Exit(main(context.args, program="segments stack"))
