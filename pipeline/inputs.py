"""What a run reads, checked before anything starts: rules, mapping, and the files of the log. Imports no Beam pipeline."""

from dataclasses import dataclass

from pipeline.io.event_files import find_files
from pipeline.options import RunOptions
from segmentation.config import Rules
from segmentation.rules_file import load_rules
from transforms.mapping import EventMapping
from transforms.mapping_file import load_mapping


@dataclass(frozen=True)
class Inputs:
    """Checked inputs."""

    rules: Rules
    mapping: EventMapping | None
    files: list[str]


def load_inputs(options: RunOptions) -> Inputs:
    """Load and check what ``options`` name.

    Raises:
        RulesError: the rules file has errors (all of them are in it).
        MappingError: the mapping file has errors.
        InputError: the events can't be found or read.
    """
    rules = load_rules(options.rules)
    mapping = None if options.mapping is None else load_mapping(options.mapping)
    return Inputs(rules, mapping, find_files(options.events))
