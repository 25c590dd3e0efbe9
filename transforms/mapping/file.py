"""Reads `mapping.yaml`; every error of the file is found in one go, each with its line and column."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from segmentation.documents.problems import DocumentError, Problem
from segmentation.documents.reader import Entry, Reader, is_null, is_text, scalar_text
from segmentation.documents.yaml import compose, read_text
from transforms.mapping.model import Constant, EventMapping, FieldSource, LogColumn, LogTime

_FORMATS = ("csv", "json", "avro")
_UNITS = ("s", "ms", "us", "ns")
_KEYS = ("format", "delimiter", "quote", "columns")
_FIELDS = ("user_id", "name", "occurred_at", "event_id", "properties")
_DIRECTIVES = "aAbBdDeFHIjmMpRsSTyYzZ%"


class MappingError(DocumentError):
    """A mapping file that can't be used."""


def load_mapping(path: str) -> EventMapping:
    """The mapping that a file describes.

    Raises:
        MappingError: the file can't be read, is no YAML or no mapping.
    """
    return parse_mapping(read_text(path, MappingError), path)


def parse_mapping(text: str, path: str = "mapping.yaml") -> EventMapping:
    """The mapping that a file's text describes; ``path`` is for errors.

    Raises:
        MappingError: it is no YAML or no mapping.
    """
    root = compose(text, path, MappingError)
    if root is None:
        raise MappingError([Problem(path, 1, 1, "the file is empty; expected a mapping with format and columns")])
    reader = Reader(text, path)
    mapping = _MappingReader(reader).read(root)
    if mapping is None or reader.problems:
        raise MappingError(reader.problems)
    return mapping


class _MappingReader:
    """Every method returns None for what it has reported, so that reading goes on."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._report = reader.report

    def read(self, root: Node) -> EventMapping | None:
        top = self._reader.mapping(root, "the mapping file", _KEYS, ("format", "columns"))
        form = self._one_of(top, "format", _FORMATS)
        delimiter = self._character(top, "delimiter", ",")
        quote = None if "quote" in top and is_null(top["quote"].value) else self._character(top, "quote", '"')
        if delimiter is not None and delimiter == quote and (own := top.get("quote", top.get("delimiter"))):
            self._report(own.value, "delimiter and quote are the same")
        columns: Mapping[str, Entry] = {}
        if "columns" in top:
            needed = ("user_id", "name", "occurred_at")
            columns = self._reader.mapping(top["columns"].value, "columns", _FIELDS, needed)
        sources = {
            name: self._source(columns[name].value, name) for name in ("user_id", "name", "event_id") if name in columns
        }
        time = self._time(columns["occurred_at"].value) if "occurred_at" in columns else None
        properties = self._properties(columns["properties"].value) if "properties" in columns else {}
        if isinstance(sources.get("event_id"), Constant):
            self._report(columns["event_id"].value, "event_id can't be a constant: expected a column, or no event_id")
        user_id, name_source = sources.get("user_id"), sources.get("name")
        if form is None or delimiter is None or user_id is None or name_source is None or time is None:
            return None
        return EventMapping(form, user_id, name_source, time, sources.get("event_id"), properties, delimiter, quote)

    def _source(self, node: Node, key: str) -> FieldSource | None:
        keys = _keys(node)
        if isinstance(node, ScalarNode) and is_text(node):
            return LogColumn(node.value)
        if "constant" in keys:
            parts = self._reader.mapping(node, key, ("constant",))
            constant = self._text(parts["constant"].value, "constant")
            return None if constant is None else Constant(constant)
        if "column" in keys:
            parts = self._reader.mapping(node, key, ("column", "map"))
            column = self._text(parts["column"].value, "column")
            values = self._values(parts["map"].value) if "map" in parts else {}
            return None if column is None else LogColumn(column, values)
        self._report(node, f"{key}: expected a column, {{constant: …}} or {{column: …, map: …}}")
        return None

    def _values(self, node: Node) -> Mapping[str, str]:
        if not isinstance(node, MappingNode):
            self._report(node, "map: expected {old: new, …}")
            return {}
        texts = {old: self._text(new, old) for old, new in self._pairs(node)}
        return {old: new for old, new in texts.items() if new is not None}

    def _pairs(self, node: MappingNode) -> Iterator[tuple[str, Node]]:
        """The keys, as texts even where they are numbers, and their values."""
        seen: set[str] = set()
        for key, value in node.value:
            name = scalar_text(key)
            if name is None:
                self._report(key, "expected a text as key")
            elif name in seen:
                self._report(key, f"duplicate key {name!r}")
            else:
                seen.add(name)
                yield name, value

    def _time(self, node: Node) -> LogTime | None:
        if isinstance(node, ScalarNode) and is_text(node):
            return LogTime(node.value)
        if "column" not in _keys(node):
            expected = "expected a column, {column: …, unit: s|ms|us|ns} or {column: …, format: …, zone: …}"
            self._report(node, f"occurred_at: {expected}")
            return None
        parts = self._reader.mapping(node, "occurred_at", ("column", "unit", "format", "zone"))
        unit = self._one_of(parts, "unit", _UNITS)
        if "unit" in parts and "format" in parts:
            self._report(parts["format"].value, "occurred_at: expected either unit or format")
        form = self._time_format(parts["format"].value) if "format" in parts else None
        zone = self._zone(parts["zone"].value, form) if "zone" in parts else "UTC"
        column = self._text(parts["column"].value, "column")
        return None if column is None else LogTime(column, unit, form, zone)

    def _time_format(self, node: Node) -> str | None:
        form = self._text(node, "format")
        if form is None:
            return None
        rest = form.replace("%.f", "").replace("%f", "")
        for before, directive in zip(rest, rest[1:] + " ", strict=True):
            if before == "%" and directive not in _DIRECTIVES:
                self._report(node, f"format: %{directive} is no directive of strptime")
        if "%" not in form:
            self._report(node, "format: expected strptime directives such as %Y-%m-%d %H:%M:%S")
        return form

    def _zone(self, node: Node, form: str | None) -> str:
        zone = self._text(node, "zone")
        if zone is None:
            return "UTC"
        if form is None or "%z" in form:
            self._report(node, "zone: only a format without %z takes one")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._report(node, f"zone: {zone!r} is no time zone; expected one such as Europe/Berlin")
        return zone

    def _properties(self, node: Node) -> Mapping[str, FieldSource]:
        if isinstance(node, SequenceNode):
            names = self._reader.texts(node, "properties") if node.value else ()
            return {name: LogColumn(name) for name in names or ()}
        if isinstance(node, MappingNode):
            sources = {name: self._source(value, name) for name, value in self._pairs(node)}
            return {name: source for name, source in sources.items() if source is not None}
        self._report(node, "properties: expected a list of columns, or {property: column}")
        return {}

    def _one_of(self, parts: Mapping[str, Entry], key: str, known: Sequence[str]) -> Any:
        return self._reader.choice(parts[key].value, key, known) if key in parts else None

    def _character(self, parts: Mapping[str, Entry], key: str, default: str) -> str | None:
        if key not in parts:
            return default
        node = parts[key].value
        if isinstance(node, ScalarNode) and is_text(node) and len(node.value) == 1:
            character = str(node.value)
            if character.isascii() and character not in "\r\n":
                return character
        self._report(node, f"{key}: expected one ASCII character in quotes, such as ';' or \"\\t\"")
        return None

    def _text(self, node: Node, what: str) -> str | None:
        """A scalar as the text that columns hold."""
        text = scalar_text(node)
        if not text:
            self._report(node, f"{what}: expected a text that is not empty")
            return None
        return text


def _keys(node: Node) -> set[str]:
    """The keys of a mapping; none for another node."""
    return (
        {key.value for key, _ in node.value if isinstance(key, ScalarNode)} if isinstance(node, MappingNode) else set()
    )
