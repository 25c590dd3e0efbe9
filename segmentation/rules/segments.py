"""The segments of a rules file: conditions, dwell, groups."""

from collections.abc import Mapping
from dataclasses import dataclass

from ruamel.yaml.nodes import Node, ScalarNode

from segmentation.documents.reader import Entry, Reader, describe
from segmentation.expressions.checking import check
from segmentation.expressions.errors import ExpressionError
from segmentation.expressions.nodes import Expression
from segmentation.rules.features import ReadFeatures
from segmentation.rules.model import Segment
from segmentation.rules.order import Reference

_KEYS = ("when", "until", "min_dwell", "group", "priority", "flag")


@dataclass(frozen=True)
class ReadSegments:
    """The segments without an error of their own, every segment's group, and all in_segment() references.

    >>> from segmentation.documents.yaml import compose
    >>> text = "all: {when: 'TRUE', group: g, priority: 1}"
    >>> read = read_segments(Reader(text, "rules.yaml"), compose(text, "rules.yaml"), ReadFeatures({}, frozenset(), ()))
    >>> read.groups
    {'all': 'g'}
    """

    segments: Mapping[str, Segment]
    groups: Mapping[str, str | None]
    references: tuple[Reference, ...]


class _SegmentReader:
    """Reads one segment after the other, knowing the names of all."""

    def __init__(self, reader: Reader, features: ReadFeatures, names: frozenset[str]) -> None:
        self._reader = reader
        self._features = features
        self._names = names
        self.references: list[Reference] = []
        self._priorities: dict[tuple[str, int], str] = {}

    def read(self, name: str, entry: Entry) -> tuple[Segment | None, str | None]:
        """The segment, None where it has an error, and its group."""
        reader, what = self._reader, f"the segment {name!r}"
        reader.name(entry.key, "the segment")
        entries = reader.mapping(entry.value, what, _KEYS, ("when",), at=entry.key)
        when = self._condition(name, entries["when"]) if "when" in entries else None
        until = self._condition(name, entries["until"]) if "until" in entries else None
        dwell = reader.duration(entries["min_dwell"].value, "min_dwell", least=0) if "min_dwell" in entries else 0
        flag = reader.text_of(entries["flag"].value, "flag") if "flag" in entries else None
        group = reader.name(entries["group"].value, "group") if "group" in entries else None
        priority = self._priority(name, entries["priority"].value, group) if "priority" in entries else None
        if "group" in entries and "priority" not in entries:
            reader.report(entries["group"].key, f"{what} has a group and so needs a priority")
        if "priority" in entries and "group" not in entries:
            reader.report(entries["priority"].key, f"{what} has a priority and so needs a group")
        if when is None:
            return None, group
        return Segment(name, when, until, dwell or 0, group, priority, flag), group

    def _priority(self, segment: str, node: Node, group: str | None) -> int | None:
        """Another number for each member of a group: otherwise two could hold it at once."""
        priority = self._reader.integer(node, "priority", 0)
        if priority is None or group is None:
            return priority
        first = self._priorities.setdefault((group, priority), segment)
        if first != segment:
            shown = f"priority {priority} is that of {first!r} too"
            self._reader.report(node, f"{shown}; each segment of the group {group!r} needs its own")
        return priority

    def _condition(self, segment: str, entry: Entry) -> Expression | None:
        node, key = entry.value, entry.key.value
        if not isinstance(node, ScalarNode):
            self._reader.report(node, f"{key} must be a condition, found {describe(node)}")
            return None
        if not node.value.strip() or describe(node) == "nothing":
            self._reader.report(node, f"{key} is empty; expected a condition")
            return None
        try:
            checked = check(node.value, self._features.features, self._names, self._features.unreadable)
        except ExpressionError as error:
            for fault in error.faults:
                self._reader.report(node, fault.message, fault.offset)
            return None
        for offset, message in checked.errors:
            self._reader.report(node, message, offset)
        self.references += [Reference(segment, found.segment, node, found.at) for found in checked.references]
        return None if checked.root is None else Expression(node.value.strip(), checked.root)


def read_segments(reader: Reader, node: Node, features: ReadFeatures) -> ReadSegments:
    """All segments of the mapping under ``segments``, in the order of the file."""
    entries = reader.named(node, "segments")
    segment_reader = _SegmentReader(reader, features, frozenset(entries))
    segments: dict[str, Segment] = {}
    groups: dict[str, str | None] = {}
    for name, entry in entries.items():
        segment, groups[name] = segment_reader.read(name, entry)
        if segment is not None:
            segments[name] = segment
    return ReadSegments(segments, groups, tuple(segment_reader.references))
