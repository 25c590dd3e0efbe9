"""Reads `mapping.yaml`; every error of the file is found in one go, each with its line and column."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from segmentation.documents.suggestions import did_you_mean
from segmentation.errors import UsageError
from transforms.mapping.model import Column, Constant, EventMapping, Source, Time

_FORMATS = ("csv", "json", "avro")
_UNITS = ("s", "ms", "us", "ns")
_FIELDS = ("user_id", "name", "occurred_at", "event_id", "properties")
_DIRECTIVES = "aAbBdDeFHIjmMpRsSTyYzZ%"


class MappingError(UsageError):
    """A mapping file is not usable; one line for each thing that is wrong, ``file:line:column: what``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_mapping(path: str) -> EventMapping:
    """The mapping that a file describes.

    Raises:
        MappingError: the file can't be read, is no YAML or no mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError([f"{path}: can't be read: {error}"]) from error
    return parse_mapping(text, path)


def parse_mapping(text: str, path: str = "mapping.yaml") -> EventMapping:
    """The mapping that a file's text describes; ``path`` is for errors.

    Raises:
        MappingError: it is no YAML or no mapping.
    """
    try:
        content = YAML().load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise MappingError([f"{place}: {str(error.problem or error).splitlines()[0]}"]) from error
    reader = _Reader(path)
    mapping = reader.read(content)
    if mapping is None or reader.problems:
        raise MappingError([text for _, text in sorted(reader.problems)])
    return mapping


class _Reader:
    """Walks through the parsed file and notes what is wrong instead of stopping at it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.problems: list[tuple[tuple[int, int], str]] = []

    def read(self, content: Any) -> EventMapping | None:
        if not isinstance(content, CommentedMap):
            self._note((0, 0), "expected a map with format and columns")
            return None
        self._known_keys(content, ("format", "delimiter", "quote", "columns"), "a mapping")
        form = self._one_of(content, "format", _FORMATS)
        delimiter = self._character(content, "delimiter", ",")
        quote = None if "quote" in content and content["quote"] is None else self._character(content, "quote", '"')
        if delimiter is not None and delimiter == quote:
            self._note(
                _place(content, "quote" if "quote" in content else "delimiter"), "delimiter and quote are the same"
            )
        columns = content.get("columns")
        if not isinstance(columns, CommentedMap):
            self._note(_place(content, "columns"), "expected columns: a map with user_id, name and occurred_at")
            return None
        self._known_keys(columns, _FIELDS, "columns")
        sources = {name: self._source(columns, name) for name in ("user_id", "name", "event_id") if name in columns}
        time = self._time(columns)
        properties = self._properties(columns)
        for name in ("user_id", "name", "occurred_at"):
            if name not in columns:
                self._note(_place(content, "columns"), f"columns lacks {name}")
        if isinstance(sources.get("event_id"), Constant):
            self._note(_place(columns, "event_id"), "event_id can't be a constant: expected a column, or no event_id")
        user_id, name_source = sources.get("user_id"), sources.get("name")
        if form is None or delimiter is None or user_id is None or name_source is None or time is None:
            return None
        return EventMapping(form, user_id, name_source, time, sources.get("event_id"), properties, delimiter, quote)

    def _source(self, parent: CommentedMap, key: str) -> Source | None:
        node = parent[key]
        if isinstance(node, str):
            return Column(node)
        if isinstance(node, CommentedMap) and "constant" in node:
            self._known_keys(node, ("constant",), key)
            constant = self._text(node, "constant")
            return None if constant is None else Constant(constant)
        if isinstance(node, CommentedMap) and "column" in node:
            self._known_keys(node, ("column", "map"), key)
            column = self._text(node, "column")
            return None if column is None else Column(column, self._values(node))
        self._note(_place(parent, key), f"{key}: expected a column, {{constant: …}} or {{column: …, map: …}}")
        return None

    def _values(self, node: CommentedMap) -> Mapping[str, str]:
        if "map" not in node:
            return {}
        values = node["map"]
        if not isinstance(values, CommentedMap):
            self._note(_place(node, "map"), "map: expected {old: new, …}")
            return {}
        texts = {_scalar(old): self._text(values, old) for old in values}
        return {old: new for old, new in texts.items() if old is not None and new is not None}

    def _time(self, columns: CommentedMap) -> Time | None:
        node = columns.get("occurred_at")
        if node is None or isinstance(node, str):
            return None if node is None else Time(node)
        if not isinstance(node, CommentedMap) or "column" not in node:
            expected = "expected a column, {column: …, unit: s|ms|us|ns} or {column: …, format: …, zone: …}"
            self._note(_place(columns, "occurred_at"), f"occurred_at: {expected}")
            return None
        self._known_keys(node, ("column", "unit", "format", "zone"), "occurred_at")
        unit = self._one_of(node, "unit", _UNITS) if "unit" in node else None
        if "unit" in node and "format" in node:
            self._note(_place(node, "format"), "occurred_at: expected either unit or format")
        form = self._time_format(node) if "format" in node else None
        zone = self._zone(node, form)
        column = self._text(node, "column")
        return None if column is None else Time(column, unit, form, zone)

    def _time_format(self, node: CommentedMap) -> str | None:
        form = self._text(node, "format")
        if form is None:
            return None
        rest = form.replace("%.f", "").replace("%f", "")
        for before, directive in zip(rest, rest[1:] + " ", strict=True):
            if before == "%" and directive not in _DIRECTIVES:
                self._note(_place(node, "format"), f"format: %{directive} is no directive of strptime")
        if "%" not in form:
            self._note(_place(node, "format"), "format: expected strptime directives such as %Y-%m-%d %H:%M:%S")
        return form

    def _zone(self, node: CommentedMap, form: str | None) -> str:
        zone = self._text(node, "zone") if "zone" in node else "UTC"
        if zone is None:
            return "UTC"
        if "zone" in node and (form is None or "%z" in form):
            self._note(_place(node, "zone"), "zone: only a format without %z takes one")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._note(_place(node, "zone"), f"zone: {zone!r} is no time zone; expected one such as Europe/Berlin")
        return zone

    def _properties(self, columns: CommentedMap) -> Mapping[str, Source]:
        node = columns.get("properties")
        if isinstance(node, CommentedSeq):
            found: dict[str, Source] = {}
            for index, name in enumerate(node):
                if not isinstance(name, str):
                    self._note(node.lc.item(index), "properties: expected the name of a column")
                elif name in found:
                    self._note(node.lc.item(index), f"properties: {name!r} is there twice")
                else:
                    found[name] = Column(name)
            return found
        if isinstance(node, CommentedMap):
            sources = {str(name): self._source(node, name) for name in node}
            return {name: source for name, source in sources.items() if source is not None}
        if node is not None or "properties" in columns:
            self._note(_place(columns, "properties"), "properties: expected a list of columns, or {property: column}")
        return {}

    def _one_of(self, parent: CommentedMap, key: str, known: tuple[str, ...]) -> Any:
        value = parent.get(key)
        if value in known:
            return value
        found = "" if key not in parent else f", not {value!r}{did_you_mean(str(value), known)}"
        self._note(_place(parent, key), f"{key}: expected one of {', '.join(known)}{found}")
        return None

    def _character(self, parent: CommentedMap, key: str, default: str) -> str | None:
        value = parent.get(key, default)
        if isinstance(value, str) and len(value) == 1 and value.isascii() and value not in "\r\n":
            return value
        self._note(_place(parent, key), f"{key}: expected one ASCII character in quotes, such as ';' or \"\\t\"")
        return None

    def _text(self, parent: CommentedMap, key: Any) -> str | None:
        text = _scalar(parent[key])
        if not text:
            self._note(_place(parent, key), f"{key}: expected a text that is not empty")
            return None
        return text

    def _known_keys(self, node: CommentedMap, known: tuple[str, ...], of: str) -> None:
        for key in node:
            if key not in known:
                self._note(_key_place(node, key), f"{of} has no key {key!r}{did_you_mean(str(key), known)}")

    def _note(self, place: tuple[int, int], problem: str) -> None:
        self.problems.append((place, f"{self._path}:{place[0] + 1}:{place[1] + 1}: {problem}"))


def _scalar(value: Any) -> str | None:
    """A scalar of YAML as the text that columns hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _place(node: CommentedMap, key: Any) -> tuple[int, int]:
    """Line and column, from 0, of a key's value; of the map where it has no such key."""
    position = node.lc.value(key) if key in node else (node.lc.line, node.lc.col)
    return (int(position[0]), int(position[1]))


def _key_place(node: CommentedMap, key: Any) -> tuple[int, int]:
    position = node.lc.key(key)
    return (int(position[0]), int(position[1]))
