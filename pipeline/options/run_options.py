"""The options of a run, parsed once into one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.io.files.cloud_files import is_cloud_file
from pipeline.io.outputs import Output
from pipeline.io.place import Destination, Place
from pipeline.io.places import check_path, parse_place
from pipeline.options.beam_args import check_beam_args
from pipeline.options.errors import OptionError, parsed
from pipeline.options.run_arguments import OWN_OPTIONS, RunArguments
from pipeline.options.state_folders import absolute
from pipeline.runners.choice import DATAFLOW, FLINK, PUBSUB, choose_runner
from pipeline.stores.store import STORED, Store
from pipeline.stores.stores import parse_store
from segmentation.tracking import DUPLICATES_WITHIN
from segmentation.units import MILLISECOND, SECOND, parse_duration, parse_instant
from transforms.keys.secret_manager import SHAPE, is_secret_version

DEFAULT_SHARDS = 8
#: Each shard costs a live run some round trips a bundle, so a few do better than many.
DEFAULT_LIVE_SHARDS = 4
MAX_SHARDS = 4096
#: Live, so much disorder is waited for where nothing else is said, µs.
DEFAULT_DISORDER = 10 * SECOND


@dataclass(frozen=True)
class RunOptions:
    """What `segments run` was asked to do.

    Times are µs. ``audit``: None where no audit is written. ``early``: also emit provisional changes as batches arrive.
    ``until``: settle up to there, None for the end of the log. ``beam_args`` go to Beam as they are; each of them is an
    option that Beam knows.
    """

    rules: str
    events: Place
    changes: Place
    dead_letters: Place
    audit: Place | None
    mapping: str | None
    profiles: Store | None
    early: bool
    until: int | None
    max_disorder: int
    duplicates_within: int
    shards: int
    summary: str | None
    runner: str
    beam_args: tuple[str, ...]
    #: Only for Flink: where the sources are expanded, what state to start from, and whether to leave a running job.
    expansion_service: str | None = None
    from_savepoint: str | None = None
    detach: bool = False
    #: Only for live runs: a folder of imported state to start with.
    from_state: str | None = None
    #: Versions of secrets in Secret Manager that hold the keys: both, or None where the environment has them.
    state_key_secret: str | None = None
    pseudonym_key_secret: str | None = None
    #: Whether the key of the published pseudonyms may be another one than that which the state was made with.
    new_pseudonym_key: bool = False

    @property
    def live(self) -> bool:
        """Whether the input has no end."""
        return self.events.live

    @property
    def outputs(self) -> dict[str, Place]:
        """By option where records go."""
        always: dict[str, Place] = {"--changes": self.changes, "--dead-letters": self.dead_letters}
        return always if self.audit is None else {**always, "--audit": self.audit}

    @property
    def destinations(self) -> Mapping[Destination, tuple[Output, ...]]:
        """Everything that the run writes records to, and which."""
        written: dict[Destination, tuple[Output, ...]] = {
            self.changes: (Output.CHANGES,),
            self.dead_letters: (Output.DEAD_LETTERS,),
        }
        if self.audit is not None:
            written[self.audit] = (Output.AUDIT,)
        if self.profiles is not None:
            written[self.profiles] = STORED
        return written

    @classmethod
    def parse(cls, said: RunArguments, beam_args: tuple[str, ...] = ()) -> "RunOptions":
        """From the texts of a command line.

        Raises:
            OptionError: a value can't be used; the message names the option.
            AddressError: the address of a topic can't be used; the message names the option.
        """
        for option, path in {"--mapping": said.mapping, "--summary": said.summary}.items():
            if path is not None and not (option == "--mapping" and is_cloud_file(path)):
                check_path(option, path)
        store = None if said.profiles is None else parse_store("--profiles", said.profiles)
        source = parse_place("--events", said.events)
        live = source.live
        chosen = choose_runner(said.runner, source)
        check_beam_args(beam_args, OWN_OPTIONS, flink=chosen == FLINK)
        sink = parse_place("--changes", said.changes, reads=False)
        disorder = DEFAULT_DISORDER if live else 0
        parts = DEFAULT_LIVE_SHARDS if live else DEFAULT_SHARDS
        options = cls(
            rules=said.rules,
            events=source,
            changes=sink,
            dead_letters=(
                sink.dead_letters()
                if said.dead_letters is None
                else parse_place("--dead-letters", said.dead_letters, reads=False)
            ),
            audit=None if said.audit is None else parse_place("--audit", said.audit, reads=False),
            mapping=said.mapping,
            profiles=store,
            early=live if said.emit is None else _emit(said.emit) == "early",
            until=None if said.until is None else parsed("--until", said.until, parse_instant),
            max_disorder=disorder if said.max_disorder is None else parse_disorder(said.max_disorder),
            duplicates_within=(
                DUPLICATES_WITHIN if said.duplicates_within is None else parse_within(said.duplicates_within)
            ),
            shards=parts if said.shards is None else parse_shards(said.shards),
            summary=said.summary,
            runner=chosen,
            beam_args=beam_args,
            expansion_service=said.expansion_service,
            from_savepoint=said.from_savepoint,
            detach=said.detach,
            from_state=None if said.from_state is None else absolute(said.from_state),
            state_key_secret=said.state_key_secret,
            pseudonym_key_secret=said.pseudonym_key_secret,
            new_pseudonym_key=_accepted(said.new_pseudonym_key),
        )
        _check_secrets(options)
        _check_from_state(options)
        if live:
            _check_live(options)
        if chosen == DATAFLOW:
            _check_dataflow(options)
        if chosen != FLINK and (said.expansion_service is not None or said.from_savepoint is not None or said.detach):
            raise OptionError("--expansion-service, --from-savepoint and --detach are for --runner flink")
        return options


def _check_live(options: RunOptions) -> None:
    """Files appear when a run ends, and a live one has no end; Flink's workers may be anywhere, besides."""
    for option, place in options.outputs.items():
        if not place.live:
            shapes = "kafka://HOST:PORT/TOPIC or pubsub://PROJECT/topics/TOPIC"
            raise OptionError(f"{option}: a live run writes to {shapes}, not to a file")
    if options.profiles is not None and not options.profiles.shared:
        raise OptionError("--profiles: sqlite:// is a file of this machine, which a live run's workers can't share")
    if options.until is not None:
        raise OptionError("--until: a live run has no end; leave it out")
    if options.detach and options.summary is not None:
        raise OptionError("--summary: the numbers are known when the job has ended, and --detach doesn't wait for it")


def _check_from_state(options: RunOptions) -> None:
    if options.from_state is not None and (not options.live or options.runner == DATAFLOW):
        raise OptionError("--from-state: only live runs on Flink and Prism start with the state of another")


def _check_dataflow(options: RunOptions) -> None:
    """Its workers reach Google's services only, and the job goes on when the command has ended."""
    for option, place in options.outputs.items():
        if place.scheme != PUBSUB:
            raise OptionError(f"{option}: on Dataflow a run writes to pubsub://PROJECT/topics/TOPIC")
    if options.summary is not None:
        raise OptionError("--summary: the numbers are known when the job has ended, and Dataflow's goes on by itself")


def _check_secrets(options: RunOptions) -> None:
    names = {"--state-key-secret": options.state_key_secret, "--pseudonym-key-secret": options.pseudonym_key_secret}
    for option, name in names.items():
        if name is None and options.runner == DATAFLOW:
            raise OptionError(f"{option}: missing; Dataflow's workers have nothing of this environment, keys included")
        if name is None and any(names.values()):
            raise OptionError(f"{option}: missing; the two keys come from the same place")
        if name is not None and not is_secret_version(name):
            raise OptionError(
                f"{option}: expected {SHAPE}, found {name!r}; a version is named by its number, so that all workers "
                "have the same key"
            )


def _emit(text: str) -> str:
    if text not in ("early", "settled"):
        raise OptionError(f"--emit: expected early or settled, found {text!r}")
    return text


def _accepted(text: str | None) -> bool:
    if text not in (None, "refuse", "accept"):
        # What stands there may be a key, given here by mistake.
        raise OptionError("--new-pseudonym-key: expected refuse or accept; a key is no option")
    return text == "accept"


def parse_shards(number: int) -> int:
    """The value of ``--shards``.

    Raises:
        OptionError: it can't be used.
    """
    if not 1 <= number <= MAX_SHARDS:
        raise OptionError(f"--shards: expected 1 to {MAX_SHARDS}, found {number}")
    return number


def parse_within(text: str) -> int:
    """The value of ``--duplicates-within`` in µs.

    Raises:
        OptionError: it can't be used.
    """
    micros = parsed("--duplicates-within", text, parse_duration)
    if not micros:
        raise OptionError(f"--duplicates-within: expected more than no time, found {text!r}")
    return micros


def parse_disorder(text: str) -> int:
    """The value of ``--max-disorder`` in µs.

    Raises:
        OptionError: it can't be used.
    """
    micros = parsed("--max-disorder", text, parse_duration)
    if micros % MILLISECOND:
        raise OptionError(f"--max-disorder: expected whole milliseconds, found {text!r}")
    return micros
