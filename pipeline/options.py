"""The options of a run, parsed once into one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.beam_args import check_beam_args
from pipeline.io.kafka_address import KafkaAddress, is_kafka
from pipeline.option_error import OptionError
from segmentation.suggestions import did_you_mean
from segmentation.units import MILLISECOND, SECOND, parse_duration, parse_instant

DEFAULT_SHARDS = 8
#: Each shard costs a live run some round trips a bundle, so a few do better than many.
DEFAULT_LIVE_SHARDS = 4
MAX_SHARDS = 4096
DEFAULT_RUNNER = "FnApiRunner"
FLINK = "FlinkRunner"
#: Live, so much disorder is waited for where nothing else is said, µs.
DEFAULT_DISORDER = 10 * SECOND
#: Runners that execute in this process, so that they can write files.
LOCAL_RUNNERS = ("FnApiRunner", "PrismRunner")
_RUNNERS = (*LOCAL_RUNNERS, FLINK)
_ALIASES = {
    "fnapirunner": "FnApiRunner",
    "directrunner": "FnApiRunner",
    "direct": "FnApiRunner",
    "prism": "PrismRunner",
    "prismrunner": "PrismRunner",
    "flink": FLINK,
    "flinkrunner": FLINK,
}
_LATER_RUNNERS = ("DataflowRunner", "PortableRunner", "SparkRunner")
#: What `segments run` knows itself.
OWN_OPTIONS = (
    "--rules", "--events", "--changes", "--mapping", "--profiles", "--dead-letters", "--audit", "--emit",
    "--until", "--max-disorder", "--shards", "--summary", "--runner", "--expansion-service", "--from-savepoint",
    "--detach", "--dry-run", "--quiet", "--verbose", "--help",
)  # fmt: skip

#: The path of a file, or a topic.
Place = str | KafkaAddress


@dataclass(frozen=True)
class RunOptions:
    """What `segments run` was asked to do.

    Times are µs. ``audit``: None where nobody wants it. ``early``: also emit provisional changes as batches arrive.
    ``until``: settle up to there, None for the end of the log. ``beam_args`` go to Beam as they are; each of them is an
    option that Beam knows.
    """

    rules: str
    events: Place
    changes: Place
    dead_letters: Place
    audit: Place | None
    mapping: str | None
    profiles: str | None
    early: bool
    until: int | None
    max_disorder: int
    shards: int
    summary: str | None
    runner: str
    beam_args: tuple[str, ...]
    #: Only for Flink: where the sources are expanded, what state to start from, and whether to leave a running job.
    expansion_service: str | None = None
    from_savepoint: str | None = None
    detach: bool = False

    @property
    def live(self) -> bool:
        """Whether the input has no end."""
        return isinstance(self.events, KafkaAddress)

    @property
    def outputs(self) -> dict[str, Place]:
        """By option where records go."""
        always: dict[str, Place] = {"--changes": self.changes, "--dead-letters": self.dead_letters}
        return always if self.audit is None else {**always, "--audit": self.audit}

    @classmethod
    def parse(
        cls,
        *,
        rules: str,
        events: str,
        changes: str,
        mapping: str | None = None,
        profiles: str | None = None,
        dead_letters: str | None = None,
        audit: str | None = None,
        emit: str | None = None,
        until: str | None = None,
        max_disorder: str | None = None,
        shards: int | None = None,
        summary: str | None = None,
        runner: str | None = None,
        expansion_service: str | None = None,
        from_savepoint: str | None = None,
        detach: bool = False,
        beam_args: tuple[str, ...] = (),
    ) -> "RunOptions":
        """From the texts of a command line.

        Raises:
            OptionError: a value can't be used; the message names the option.
            AddressError: the address of a topic can't be used; the message names the option.
        """
        for option, path in {"--mapping": mapping, "--summary": summary}.items():
            if path is not None:
                _check_path(option, path)
        if profiles is not None:
            _check_store(profiles)
        source = _place("--events", events)
        live = isinstance(source, KafkaAddress)
        chosen = _chosen_runner(runner, live=live)
        check_beam_args(beam_args, OWN_OPTIONS, flink=chosen == FLINK)
        sink = _place("--changes", changes, reads=False)
        disorder = DEFAULT_DISORDER if live else 0
        parts = DEFAULT_LIVE_SHARDS if live else DEFAULT_SHARDS
        options = cls(
            rules=rules,
            events=source,
            changes=sink,
            dead_letters=(
                default_dead_letters(sink)
                if dead_letters is None
                else _place("--dead-letters", dead_letters, reads=False)
            ),
            audit=None if audit is None else _place("--audit", audit, reads=False),
            mapping=mapping,
            profiles=profiles,
            early=live if emit is None else _emit(emit) == "early",
            until=None if until is None else _parsed("--until", until, parse_instant),
            max_disorder=disorder if max_disorder is None else _disorder(max_disorder),
            shards=parts if shards is None else _shards(shards),
            summary=summary,
            runner=chosen,
            beam_args=beam_args,
            expansion_service=expansion_service,
            from_savepoint=from_savepoint,
            detach=detach,
        )
        if chosen == FLINK:
            _check_flink(options)
        elif expansion_service is not None or from_savepoint is not None or detach:
            raise OptionError("--expansion-service, --from-savepoint and --detach are for --runner flink")
        return options


def default_dead_letters(changes: Place) -> Place:
    """Where dead letters go when nothing else is said: beside the changes."""
    if isinstance(changes, KafkaAddress):
        return replace(changes, topic=f"{changes.topic}.dead-letters", option="--dead-letters")
    stem = changes.removesuffix(".gz")
    for ending in (".jsonl", ".avro"):
        stem = stem.removesuffix(ending)
    return stem + ".dead-letters.jsonl"


def _dead_letters(text: str) -> Place:
    return _place("--dead-letters", text, reads=False)


def _place(option: str, text: str, *, reads: bool = True) -> Place:
    if is_kafka(text):
        return KafkaAddress.parse(text, option, reads=reads)
    _check_path(option, text)
    return text


def _check_path(option: str, text: str) -> None:
    scheme, separator, _ = text.partition("://")
    if separator and scheme == "kafka":
        raise OptionError(f"{option}: can't be a topic; give the path of a file")
    if separator:
        raise OptionError(f"{option}: {scheme}:// is not available yet; give the path of a file")
    if not text.strip():
        raise OptionError(f"{option}: expected the path of a file, found nothing")


def _check_store(url: str) -> None:
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise OptionError("--profiles: expected a URL such as sqlite:///out/profiles.db")
    if scheme != "sqlite":
        raise OptionError(f"--profiles: {scheme}:// is not available yet; write sqlite:///FILE")
    if not rest.startswith("/") or rest == "/":
        raise OptionError("--profiles: the URL names no file; write sqlite:///FILE, or sqlite:////FILE from the root")


def _check_flink(options: RunOptions) -> None:
    """Flink's workers may be anywhere, so what they read and write must be reachable from everywhere."""
    if not options.live:
        raise OptionError("--events: Flink reads kafka://; `segments replay` writes a log into a topic")
    for option, place in options.outputs.items():
        if not isinstance(place, KafkaAddress):
            raise OptionError(f"{option}: Flink writes to kafka://HOST:PORT/TOPIC, not to a file")
    if options.profiles is not None:
        raise OptionError("--profiles: sqlite:// is a file of this machine, which Flink's workers can't share")
    if options.until is not None:
        raise OptionError("--until: a live run has no end; leave it out")
    if options.detach and options.summary is not None:
        raise OptionError("--summary: the numbers are known when the job has ended, and --detach doesn't wait for it")


def _emit(text: str) -> str:
    if text not in ("early", "settled"):
        raise OptionError(f"--emit: expected early or settled, found {text!r}")
    return text


def _shards(number: int) -> int:
    if not 1 <= number <= MAX_SHARDS:
        raise OptionError(f"--shards: expected 1 to {MAX_SHARDS}, found {number}")
    return number


def _chosen_runner(name: str | None, *, live: bool) -> str:
    runner = (FLINK if live else DEFAULT_RUNNER) if name is None else _runner(name)
    if live and runner != FLINK:
        raise OptionError(f"--runner: kafka:// is read on Flink only, not by {runner}; write --runner flink")
    return runner


def _runner(name: str) -> str:
    runner = _ALIASES.get(name.lower())
    if runner is not None:
        return runner
    if name.lower() in {known.lower() for known in _LATER_RUNNERS}:
        raise OptionError(f"--runner: {name} is not available yet; expected one of {', '.join(_RUNNERS)}")
    hint = did_you_mean(name, _RUNNERS)
    raise OptionError(f"--runner: expected one of {', '.join(_RUNNERS)}, found {name!r}{hint}")


def _disorder(text: str) -> int:
    micros = _parsed("--max-disorder", text, parse_duration)
    if micros % MILLISECOND:
        raise OptionError(f"--max-disorder: expected whole milliseconds, found {text!r}")
    return micros


def _parsed(option: str, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except (ValueError, OverflowError) as error:
        raise OptionError(f"{option}: {error}") from error
