"""What a run reads and where it writes, checked before anything starts."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.io.files.cloud_files import is_cloud_file, read_cloud_file
from pipeline.io.files.csv_header import check_header
from pipeline.io.files.event_logs import find_files
from pipeline.io.files.output import RECORD_ENDINGS, OutputError
from pipeline.io.places import Place
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
        SecretKeyError: the keys in the environment can't be used, or there are none and the output leaves this machine.
    """
    rules = _rules(options.rules)
    mapping = None if options.mapping is None else _mapping(options.mapping)
    if mapping is not None and options.live and mapping.format != "json":
        raise OptionError(f"--mapping: {options.mapping} is for {mapping.format}; a topic's records are JSON or Avro")
    if mapping is not None and options.live and mapping.numbers_repeats:
        raise OptionError(
            f"--mapping: {options.mapping} names no event_id, and a topic can't tell how often a record occurred before"
        )
    files = find_files(options.events) if isinstance(options.events, str) else []
    for file in files:
        check_header(file, mapping, options.mapping)
    _check_outputs(options, files)
    keys = key_source(options)
    if keys.state_secret is None:
        keys.load()
    return Inputs(rules, mapping, files)


def _rules(place: str) -> Rules:
    return parse_rules(read_cloud_file(place, "--rules"), place) if is_cloud_file(place) else load_rules(place)


def _mapping(place: str) -> EventMapping:
    if is_cloud_file(place):
        return parse_mapping(read_cloud_file(place, "--mapping"), place)
    return load_mapping(place)


def key_source(options: RunOptions) -> KeySource:
    """Where the keys come from; demo keys will do where none are set and what is written stays on this machine."""
    if options.state_key_secret is not None:
        return KeySource(state_secret=options.state_key_secret, publish_secret=options.pseudonym_key_secret)
    topics = [place for place in options.outputs.values() if not isinstance(place, str)]
    return KeySource(demo=uses_demo_keys() and all(topic.is_local for topic in topics))


def _check_outputs(options: RunOptions, files: list[str]) -> None:
    _check_topics(options)
    outputs = {option: place for option, place in options.outputs.items() if isinstance(place, str)}
    for option, path in outputs.items():
        if not path.endswith(RECORD_ENDINGS):
            raise OutputError(f"{option}: {path} has no known ending; end it with {', '.join(RECORD_ENDINGS)}")
    if options.summary is not None:
        outputs["--summary"] = options.summary
    if options.profiles is not None:
        outputs["--profiles"] = options.profiles.removeprefix("sqlite:///").partition("?")[0]
    inputs = dict.fromkeys(files, "--events") | {options.rules: "--rules"}
    if options.mapping is not None:
        inputs[options.mapping] = "--mapping"
    taken = {Path(path).resolve(): f"is read as {option}" for path, option in inputs.items()}
    for option, path in outputs.items():
        place = Path(path).resolve()
        if place in taken:
            raise OutputError(f"{option}: {path} {taken[place]} too; give another path")
        taken[place] = f"is written as {option}"
        _check_place(option, path, place)
        if _is_inside(place, options.events):
            shown = f"{path} lies in the folder {options.events}, which --events reads whole"
            raise OutputError(f"{option}: {shown}; give a path outside of it")


def _check_topics(options: RunOptions) -> None:
    taken: dict[str, str] = {}
    for option, place in (("--events", options.events), *options.outputs.items()):
        if not isinstance(place, str) and taken.setdefault(place.url, option) != option:
            raise OptionError(f"{option}: {place.url} is the topic of {taken[place.url]} too; give another one")


def _is_inside(place: Path, events: Place) -> bool:
    return isinstance(events, str) and Path(events).is_dir() and place.is_relative_to(Path(events).resolve())


def _check_place(option: str, path: str, place: Path) -> None:
    if place.exists() and not place.is_file():
        raise OutputError(f"{option}: can't write {path}: it exists and is no file")
    folder = place.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{option}: can't write {path}: {folder} is no folder that can be written to")
