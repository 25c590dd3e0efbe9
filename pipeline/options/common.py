"""Options that several commands have, declared once."""

from typing import Annotated

import typer

Verbose = Annotated[
    bool, typer.Option("--verbose", envvar="SEGMENTS_VERBOSE", help="Show Beam's log, and of a failure the traceback.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show neither progress nor report; warnings and errors remain.")]
MappingFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="How the records of a foreign log read as events (YAML).")
]
To = Annotated[
    str, typer.Option(metavar="TOPIC", help="The topic, kafka://HOST:PORT/TOPIC or pubsub://PROJECT/topics/NAME.")
]
Rate = Annotated[str | None, typer.Option(metavar="RATE", help="Write at this pace, such as 1000/s.")]
Batch = Annotated[
    int, typer.Option(metavar="NUMBER", help="Into a topic: so many events a record (or message) at most.")
]
Partitions = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER", help="Into a topic of Kafka: its partitions, where it has to be made.", show_default="3"
    ),
]
Finish = Annotated[
    bool, typer.Option("--finish", help="Into a topic: heartbeats at the end, so that the last tick settles.")
]
