"""The options of `segments run`, each declared once: the command line, hints and Dataflow's template follow from it."""

from dataclasses import dataclass
from typing import Annotated, Final

from typer import Option

from pipeline.options.common import MappingFile, Quiet, Verbose
from pipeline.options.declaring import InTemplate, NotInTemplate, declared_options

_FILE: Final = r"^gs://[^/]+/.+$"
_TOPIC: Final = r"^pubsub://[^/?]+/topics/[^/?]+$"
_SECRET: Final = InTemplate(
    r"^projects/[^/]+/(locations/[^/]+/)?secrets/[^/]+/versions/[1-9][0-9]*$",
    needed=True,  # Dataflow's workers have nothing of the environment that starts a job
)
_ONE_MACHINE: Final = NotInTemplate("a file of one machine")
_FLINK: Final = NotInTemplate("for Flink")
_COMMAND_LINE: Final = NotInTemplate("for a command line")


@dataclass(frozen=True, kw_only=True)
class RunArguments:
    """What a command line of `segments run` says, as it was written; `RunOptions` is made of it."""

    rules: Annotated[
        str,
        Option(metavar="FILE", help="The rules file (YAML); also gs://BUCKET/FILE."),
        InTemplate(_FILE, "The rules file (YAML), gs://BUCKET/FILE.", "GCS_READ_FILE"),
    ]
    events: Annotated[
        str,
        Option(
            metavar="PATH",
            help="The events: a file, a glob in quotes, or a folder (.jsonl, .csv or .avro, each also .gz); "
            "or live ones, kafka://HOST:PORT/TOPIC or pubsub://PROJECT/subscriptions/NAME.",
        ),
        InTemplate(
            r"^pubsub://[^/?]+/subscriptions/[^/?]+(\?.*)?$",
            "The events: a subscription, pubsub://PROJECT/subscriptions/NAME.",
        ),
    ]
    changes: Annotated[
        str,
        Option(
            metavar="PLACE",
            help="Where the changes go: a .jsonl, .jsonl.gz or .avro file, which appears when done, or a topic, "
            "kafka://HOST:PORT/TOPIC or pubsub://PROJECT/topics/NAME.",
        ),
        InTemplate(_TOPIC, "Where the changes go: a topic, pubsub://PROJECT/topics/NAME."),
    ]
    mapping: Annotated[
        MappingFile,
        InTemplate(_FILE, "How the records of a foreign log read as events (YAML), gs://BUCKET/FILE.", "GCS_READ_FILE"),
    ] = None
    profiles: Annotated[
        str | None,
        Option(metavar="URL", help="The profile store, kept up to date: sqlite:///FILE."),
        _ONE_MACHINE,
    ] = None
    dead_letters: Annotated[
        str | None,
        Option(metavar="PLACE", help="Where refused records go.", show_default="beside the changes"),
        InTemplate(
            _TOPIC,
            "Where refused records go: a topic. Without, that of the changes with .dead-letters at its end.",
        ),
    ] = None
    audit: Annotated[
        str | None,
        Option(
            metavar="PLACE",
            help="Where a record of every late event goes, with the tick from which it counts: a .jsonl, .jsonl.gz or "
            ".avro file, or a topic. In files nothing is late.",
            show_default="nowhere",
        ),
        InTemplate(_TOPIC, "Where a record of every late event goes: a topic. Without, nowhere."),
    ] = None
    emit: Annotated[
        str | None,
        Option(
            metavar="WHAT",
            help="settled: only certain changes; early: provisional ones too, as batches arrive.",
            show_default="settled; early where a topic is read",
        ),
        InTemplate(r"^(settled|early)$"),
    ] = None
    until: Annotated[
        str | None,
        Option(
            metavar="TIME",
            help="Settle up to this time (ISO 8601 with a zone).",
            show_default="the first tick after the last event",
        ),
        NotInTemplate("a live run has no end"),
    ] = None
    max_disorder: Annotated[
        str | None,
        Option(
            metavar="DURATION",
            help="How far a live stream may come out of order; files need none.",
            show_default="10s where a topic is read",
        ),
        InTemplate(r"^[0-9]+(ms|s|m|h|d)$"),
    ] = None
    duplicates_within: Annotated[
        str | None,
        Option(
            metavar="DURATION",
            help="Event time after an accepted event in which another one with its id is its duplicate. Live, what "
            "comes later than this and the disorder is dropped.",
            show_default="24h",
        ),
        InTemplate(r"^[0-9]+(ms|s|m|h|d)$"),
    ] = None
    shards: Annotated[
        int | None,
        Option(
            metavar="NUMBER",
            help="In how many parts users are worked on; no result changes.",
            show_default="8; 4 where a topic is read",
        ),
        InTemplate(r"^[1-9][0-9]{0,3}$", kind="NUMBER"),
    ] = None
    summary: Annotated[
        str | None,
        Option(metavar="FILE", help="Write the numbers of the run to this file, as JSON."),
        _ONE_MACHINE,
    ] = None
    runner: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="FnApiRunner, PrismRunner, flink or dataflow.",
            show_default="FnApiRunner; flink for kafka://, PrismRunner for pubsub://",
        ),
        NotInTemplate("a template is for Dataflow; its launcher says so"),
    ] = None
    expansion_service: Annotated[
        str | None,
        Option(
            metavar="HOST:PORT",
            help="On Flink: the expansion service that knows the topic's source.",
            show_default="EXPANSION in the environment, or the local stack's",
        ),
        _FLINK,
    ] = None
    from_savepoint: Annotated[
        str | None,
        Option(metavar="PATH", help="On Flink: go on from this savepoint or retained checkpoint."),
        _FLINK,
    ] = None
    from_state: Annotated[
        str | None,
        Option(
            metavar="FOLDER",
            help="Live: start with the state that `segments state import` wrote there, where all workers see it.",
        ),
        NotInTemplate("state comes from jobs on Flink"),
    ] = None
    detach: Annotated[
        bool,
        Option("--detach", help="On Flink: return as soon as the job runs, and print JOB=ID."),
        _FLINK,
    ] = False
    state_key_secret: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="The version of a secret in Secret Manager that holds the state key.",
            show_default="SEGMENTS_STATE_KEY in the workers' environment",
        ),
        _SECRET,
    ] = None
    pseudonym_key_secret: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="The same for the key of the published pseudonyms.",
            show_default="SEGMENTS_PSEUDONYM_KEY in the workers' environment",
        ),
        _SECRET,
    ] = None
    new_pseudonym_key: Annotated[
        str | None,
        Option(
            metavar="WHAT",
            help="What a job does that goes on from a state made with another pseudonym key: refuse, or accept the new "
            "one, whose subjects are new to subscribers.",
            show_default="refuse",
        ),
        InTemplate(r"^(refuse|accept)$"),
    ] = None
    dry_run: Annotated[
        bool,
        Option("--dry-run", help="Check rules, mapping, inputs, outputs and keys; write nothing."),
        _COMMAND_LINE,
    ] = False
    quiet: Annotated[Quiet, _COMMAND_LINE] = False
    verbose: Annotated[Verbose, _COMMAND_LINE] = False


#: All that `segments run` knows itself.
OWN_OPTIONS: Final = (*(option.text for option in declared_options(RunArguments)), "--help")
