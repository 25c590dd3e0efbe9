"""Typed access to the nodes of a file; what does not fit is noted with its place and reading goes on."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from segmentation.documents.problems import Problem
from segmentation.documents.suggestions import did_you_mean
from segmentation.documents.yaml import place_within
from segmentation.units import DAY, format_duration, parse_duration

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST = 36_500 * DAY


@dataclass(frozen=True)
class Entry:
    """A key of a mapping and its value.

    >>> from segmentation.documents.yaml import compose
    >>> [(key, value)] = compose("window: 7d", "rules.yaml").value
    >>> Entry(key, value).value.value
    '7d'
    """

    key: ScalarNode
    value: Node


class Reader:
    """Reads nodes and gathers problems. Every method returns None for what is not of the type asked for.

    >>> from segmentation.documents.yaml import compose
    >>> text = "window: 7d\\nevery: often\\n"
    >>> reader = Reader(text, "rules.yaml")
    >>> entries = reader.mapping(compose(text, "rules.yaml"), "the feature", known=["window", "every"])
    >>> reader.duration(entries["window"].value, "window")
    604800000000
    >>> reader.duration(entries["every"].value, "every")
    >>> print(reader.problems[0].line, reader.problems[0].message)
    2 every: 'often' is not a duration; write a whole number and a unit (ms, s, m, h, d), such as 24h
    """

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.problems: list[Problem] = []

    def report(self, node: Node, message: str, offset: int | None = None) -> None:
        """Notes a problem at a node, or at the character ``offset`` of its value."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if offset is not None and isinstance(node, ScalarNode):
            line, column = place_within(self.text, node, offset)
        self.problems.append(Problem(self.file, line, column, message))

    def mapping(
        self,
        node: Node,
        what: str,
        known: Sequence[str] | None = None,
        needed: Iterable[str] = (),
        at: Node | None = None,
    ) -> Mapping[str, Entry]:
        """The entries by key; empty for another type. A missing key is noted at ``at``, else at the mapping."""
        if not isinstance(node, MappingNode):
            self.report(node, f"{what} must be a mapping, found {describe(node)}")
            return {}
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            if is_null(value) and not value.value:
                value.start_mark = key.start_mark  # what is missing stands where its key stands
            name = self.text_of(key, "a key")
            if name is None:
                continue
            if name in entries:
                first = entries[name].key.start_mark.line + 1
                self.report(key, f"duplicate key {name!r}; the first is in line {first}")
            elif known is not None and name not in known:
                expected = f"expected {', '.join(known)}{did_you_mean(name, known)}"
                if node.flow_style and is_null(value):
                    expected = "within { } a comma ends the value before: put quotes around a value with commas"
                self.report(key, f"unknown key {name!r} in {what}; {expected}")
            else:
                entries[name] = Entry(key, value)
        for name in needed:
            if name not in entries:
                self.report(node if at is None else at, f"{what} needs the key {name!r}")
        return entries

    def named(self, node: Node, what: str) -> Mapping[str, Entry]:
        """A mapping that is not empty and whose keys are names."""
        entries = self.mapping(node, what)
        if isinstance(node, MappingNode) and not node.value:
            self.report(node, f"{what} must not be empty")
        return entries

    def text_of(self, node: Node, what: str) -> str | None:
        """Text that is not empty."""
        if not isinstance(node, ScalarNode) or not is_text(node):
            hint = "; put it in quotes" if isinstance(node, ScalarNode) and node.value else ""
            self.report(node, f"{what} must be text, found {describe(node)}{hint}")
            return None
        if not node.value.strip():
            self.report(node, f"{what} must not be empty")
            return None
        return str(node.value)

    def name(self, node: Node, what: str) -> str | None:
        """A name: a small letter, then small letters, digits and underscores."""
        name = self.text_of(node, what)
        if name is not None and not _NAME.fullmatch(name):
            self.report(node, f"{what} {name!r} is not a name; expected small letters, digits and _, a letter first")
            return None
        return name

    def integer(self, node: Node, what: str, least: int, most: int = 10**9) -> int | None:
        """A whole number within bounds."""
        value = _integer(node)
        if value is None or value < least:
            self.report(node, f"{what} must be a whole number of at least {least}, found {describe(node)}")
            return None
        if value > most:
            self.report(node, f"{what} must be at most {most}, found {value}")
            return None
        return value

    def duration(self, node: Node, what: str, least: int = 1) -> int | None:
        """A duration in microseconds."""
        if not isinstance(node, ScalarNode) or not node.value:
            self.report(node, f"{what} must be a duration such as 24h, found {describe(node)}")
            return None
        try:
            micros = parse_duration(node.value)
        except ValueError as error:
            self.report(node, f"{what}: {error}")
            return None
        if micros < least or micros > _LONGEST:
            bound = "longer than 0s" if micros < least else f"at most {format_duration(_LONGEST)}"
            self.report(node, f"{what} must be {bound}, found {node.value}")
            return None
        return micros

    def texts(self, node: Node, what: str) -> tuple[str, ...] | None:
        """A list of different texts; a single text counts as a list of one."""
        members = node.value if isinstance(node, SequenceNode) else [node]
        if not members:
            self.report(node, f"{what} must not be an empty list")
            return None
        found: dict[str, None] = {}
        for member in members:
            text = self.text_of(member, what)
            if text is not None and text in found:
                self.report(member, f"{what} has {text!r} twice")
            elif text is not None:
                found[text] = None
        return tuple(found)

    def choice(self, node: Node, what: str, choices: Sequence[str]) -> str | None:
        """One of some words."""
        word = self.text_of(node, what)
        if word is not None and word not in choices:
            self.report(node, f"unknown {what} {word!r}; expected {', '.join(choices)}{did_you_mean(word, choices)}")
            return None
        return word


def describe(node: Node) -> str:
    """What a node is, for an error message."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    if is_null(node):
        return "nothing"
    return repr(node.value) if is_text(node) else str(node.value)


def is_text(node: Node) -> bool:
    """Whether a node is text: in quotes, or nothing else that YAML knows."""
    return _has_tag(node, "str")


def is_null(node: Node) -> bool:
    """Whether nothing stands there, or ``null``."""
    return _has_tag(node, "null")


def scalar_text(node: Node) -> str | None:
    """A text, a number or a truth value as a log has it: ``x``, ``7``, ``1.5``, ``true``; None for another node."""
    if not isinstance(node, ScalarNode):
        return None
    if is_text(node):
        return str(node.value)
    if not any(_has_tag(node, tag) for tag in ("bool", "int", "float")):
        return None
    value = YAML(typ="safe", pure=True).load(node.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _has_tag(node: Node, tag: str) -> bool:
    return node.tag == f"tag:yaml.org,2002:{tag}"


def _integer(node: Node) -> int | None:
    if not isinstance(node, ScalarNode) or not _has_tag(node, "int"):
        return None
    written = node.value.replace("_", "")
    try:
        return int(written, 10)
    except ValueError:
        try:
            return int(written, 0)
        except ValueError:
            return None
