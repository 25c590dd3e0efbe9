"""What a run reads and where it writes, checked before anything starts."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.io.event_files import find_files, format_of
from pipeline.io.log_stream import InputError, LogStream
from pipeline.io.output_file import RECORD_ENDINGS, OutputError
from pipeline.options import RunOptions
from segmentation.config import Rules
from segmentation.rules_file import load_rules
from segmentation.suggestions import did_you_mean
from transforms.decoding.csv_decoder import read_header
from transforms.keys import load_keys, uses_demo_keys
from transforms.mapping import EventMapping
from transforms.mapping_file import load_mapping

#: A header line is looked for in so many bytes.
_HEADER_BYTES = 1 << 20
_NATIVE_COLUMNS = ("event_id", "user_id", "name", "occurred_at")


@dataclass(frozen=True)
class Inputs:
    """Checked inputs."""

    rules: Rules
    mapping: EventMapping | None
    files: list[str]


def load_inputs(options: RunOptions) -> Inputs:
    """Load and check what ``options`` name. Nothing is written.

    Raises:
        RulesError: the rules file has errors (all of them are in it).
        MappingError: the mapping file has errors.
        InputError: the events can't be found or read, or a CSV file lacks a column that is needed.
        OutputError: an output can't be written, or is an input or another output too.
        SecretKeyError: the keys in the environment can't be used.
    """
    rules = load_rules(options.rules)
    mapping = None if options.mapping is None else load_mapping(options.mapping)
    files = find_files(options.events)
    for file in files:
        _check_header(file, mapping, options.mapping)
    _check_outputs(options, files)
    load_keys(allow_demo=uses_demo_keys())
    return Inputs(rules, mapping, files)


def _check_header(file: str, mapping: EventMapping | None, mapping_path: str | None) -> None:
    """A column that isn't there would make a dead letter of every record."""
    if (format_of(file) if mapping is None else mapping.format) != "csv" or not Path(file).is_file():
        return
    with LogStream(file) as stream:
        line, end, _ = stream.read(_HEADER_BYTES).removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    if not line.strip() or (not end and len(line) >= _HEADER_BYTES):
        return
    delimiter, quote = (",", '"') if mapping is None else (mapping.delimiter, mapping.quote)
    try:
        header = read_header(line.removesuffix(b"\r"), delimiter, quote)
    except ValueError as error:
        raise InputError(f"{file}: the header can't be read: {error}") from error
    wanted = _NATIVE_COLUMNS if mapping is None else mapping.columns()
    missing = [column for column in wanted if column not in header]
    if missing:
        hint = did_you_mean(missing[0], header)
        needed = "an event needs it" if mapping_path is None else f"{mapping_path} names it"
        more = f" (nor {', '.join(missing[1:])})" if missing[1:] else ""
        raise InputError(f"{file}: the header has no column {missing[0]!r}{more}; {needed}{hint}")


def _check_outputs(options: RunOptions, files: list[str]) -> None:
    outputs = {"--changes": options.changes, "--dead-letters": options.dead_letters}
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
        if Path(options.events).is_dir() and place.is_relative_to(Path(options.events).resolve()):
            shown = f"{path} lies in the folder {options.events}, which --events reads whole"
            raise OutputError(f"{option}: {shown}; give a path outside of it")


def _check_place(option: str, path: str, place: Path) -> None:
    if place.exists() and not place.is_file():
        raise OutputError(f"{option}: can't write {path}: it exists and is no file")
    folder = place.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{option}: can't write {path}: {folder} is no folder that can be written to")
