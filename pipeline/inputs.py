"""What a run reads and where it writes, checked before anything starts."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.io.files.cloud_files import is_cloud_file, read_cloud_file
from pipeline.io.files.output import OutputError, check_target
from pipeline.options.errors import OptionError
from pipeline.options.run_options import RunOptions
from segmentation.rules.file import load_rules, parse_rules
from segmentation.rules.model import Rules
from transforms.keys.sources import KeySource, uses_demo_keys
from transforms.mapping.file import load_mapping, parse_mapping
from transforms.mapping.model import EventMapping


@dataclass(frozen=True)
class Inputs:
    """Checked inputs."""

    rules: Rules
    mapping: EventMapping | None
    files: list[str]  #: none where a topic is read


def load_inputs(options: RunOptions) -> Inputs:
    """Load and check what ``options`` name. Nothing is written.

    Raises:
        RulesError: the rules file has errors (all of them are in it).
        MappingError: the mapping file has errors.
        InputError: the events can't be found or read, or a CSV file lacks a column that is needed.
        OutputError: an output can't be written, or is an input or another output too.
        StateFilesError: the state to start with can't be used.
        SecretKeyError: the keys in the environment can't be used, or there are none and the output leaves this machine.
    """
    rules = rules_at(options.rules)
    mapping = None if options.mapping is None else _mapping(options.mapping)
    files = options.events.check_readable(mapping, options.mapping)
    _check_outputs(options, files)
    if options.from_state is not None:
        _check_state(options.from_state, options.shards)
    keys = key_source(options)
    if keys.state_secret is None:
        keys.load()
    return Inputs(rules, mapping, files)


def _check_state(place: str, shards: int) -> None:
    # Needs Beam's file systems, which take a second to import.
    from transforms.state.start import StartingState

    StartingState(place, shards).check()


def rules_at(place: str) -> Rules:
    """The rules in a file, here or in a bucket.

    Raises:
        RulesError: it has errors (all of them are in it).
        OptionError: it can't be read.
    """
    return parse_rules(read_cloud_file(place, "--rules"), place) if is_cloud_file(place) else load_rules(place)


def _mapping(place: str) -> EventMapping:
    if is_cloud_file(place):
        return parse_mapping(read_cloud_file(place, "--mapping"), place)
    return load_mapping(place)


def key_source(options: RunOptions) -> KeySource:
    """Where the keys come from; demo keys will do where none are set and what is written stays on this machine."""
    if options.state_key_secret is not None:
        return KeySource(state_secret=options.state_key_secret, publish_secret=options.pseudonym_key_secret)
    return KeySource(demo=uses_demo_keys() and all(place.is_local for place in options.destinations))


def _check_outputs(options: RunOptions, files: list[str]) -> None:
    _check_topics(options)
    for place in options.destinations:
        place.check_writable()
    outputs = {place.option: (place.url, place.file) for place in options.destinations if place.file is not None}
    if options.summary is not None:
        check_target(options.summary, "--summary")
        outputs["--summary"] = options.summary, Path(options.summary).resolve()
    inputs = dict.fromkeys(files, "--events") | {options.rules: "--rules"}
    if options.mapping is not None:
        inputs[options.mapping] = "--mapping"
    taken = {Path(path).resolve(): f"is read as {option}" for path, option in inputs.items()}
    folder = options.events.file
    for option, (shown, path) in outputs.items():
        if path in taken:
            raise OutputError(f"{option}: {shown} {taken[path]} too; give another path")
        taken[path] = f"is written as {option}"
        if folder is not None and folder.is_dir() and path.is_relative_to(folder):
            where = f"{shown} lies in the folder {options.events.url}, which --events reads whole"
            raise OutputError(f"{option}: {where}; give a path outside of it")


def _check_topics(options: RunOptions) -> None:
    taken: dict[str, str] = {}
    for place in (options.events, *options.outputs.values()):
        if place.live and taken.setdefault(place.url, place.option) != place.option:
            raise OptionError(f"{place.option}: {place.url} is the topic of {taken[place.url]} too; give another one")
