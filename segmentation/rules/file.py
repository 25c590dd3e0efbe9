"""The rules file: YAML to `Rules`, or every error in it with its place."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ruamel.yaml.nodes import MappingNode, Node

from segmentation.documents.problems import DocumentError, Problem
from segmentation.documents.reader import Entry, Reader
from segmentation.documents.yaml import compose, read_text
from segmentation.expressions import segments_read
from segmentation.features.kind import Feature
from segmentation.rules.canonical import fingerprint_of
from segmentation.rules.features import ReadFeatures, read_features
from segmentation.rules.model import Rules, Segment
from segmentation.rules.order import check_cycles, order_of
from segmentation.rules.segments import ReadSegments, read_segments
from segmentation.units import MINUTE, format_duration

#: Below this many users with a score a percentile says little and is NULL.
DEFAULT_POPULATION_MINIMUM = 20

#: The tick of a file that neither names one nor has a rolling feature whose ``every`` would be it.
DEFAULT_TICK = 5 * MINUTE

_KEYS = ("version", "tick", "population", "forget_after", "features", "segments")


class RulesError(DocumentError):
    """A rules file that cannot be used."""


def load_rules(path: str | Path) -> Rules:
    """The rules in a file.

    Raises:
        RulesError: the file cannot be read, is not YAML in UTF-8, or has errors: all of them, by place.
    """
    return parse_rules(read_text(path, RulesError), str(path))


def parse_rules(text: str, file: str) -> Rules:
    """The rules in a YAML text; ``file`` is what errors call it.

    Raises:
        RulesError: every error found, by place; of an error in the YAML itself only the first.
    """
    root = compose(text, file, RulesError)
    if root is None:
        raise RulesError(
            [Problem(file, 1, 1, "the file is empty; expected a mapping with version, features, segments")]
        )
    reader = Reader(text, file)
    top = reader.mapping(root, "the rules file", _KEYS)
    if isinstance(root, MappingNode):
        for key in ("version", "features", "segments"):
            if key not in top:
                reader.report(root, f"the rules file needs the key {key!r}")
    version = reader.integer(top["version"].value, "version", 1) if "version" in top else None
    minimum = _minimum(reader, top)
    features = read_features(reader, top["features"].value) if "features" in top else None
    if features is None or not (features.features or features.unreadable):
        features = ReadFeatures({}, None, ())
    tick = _tick(reader, top, features.on_tick)
    forget_after = _forget_after(reader, top, tick)
    segments = read_segments(reader, top["segments"].value, features) if "segments" in top else None
    if segments is not None:
        check_cycles(reader, segments.groups, segments.references)
    if reader.problems or version is None or segments is None:
        raise RulesError(reader.problems)
    return _rules(version, tick, minimum, forget_after, features.features, segments)


def _rules(
    version: int,
    tick: int,
    minimum: int,
    forget_after: int | None,
    features: Mapping[str, Feature],
    segments: ReadSegments,
) -> Rules:
    reads = {name: _segments_read(segment) for name, segment in segments.segments.items()}
    order = tuple(
        tuple(sorted(unit, key=lambda name: -(segments.segments[name].priority or 0)))
        for unit in order_of(segments.groups, reads)
    )
    fingerprint = fingerprint_of(version, tick, minimum, forget_after, features, segments.segments)
    return Rules(version, tick, minimum, features, segments.segments, order, fingerprint, forget_after)


def _minimum(reader: Reader, top: Mapping[str, Entry]) -> int:
    if "population" not in top:
        return DEFAULT_POPULATION_MINIMUM
    entries = reader.mapping(top["population"].value, "population", ("minimum",))
    if "minimum" not in entries:
        return DEFAULT_POPULATION_MINIMUM
    return reader.integer(entries["minimum"].value, "population.minimum", 1) or DEFAULT_POPULATION_MINIMUM


def _tick(reader: Reader, top: Mapping[str, Entry], everys: Sequence[tuple[int, Node]]) -> int:
    """The tick named, or the smallest ``every``; each ``every`` must be a multiple of it."""
    if "tick" in top:
        named = reader.duration(top["tick"].value, "tick")
        if named is None:
            return DEFAULT_TICK
        tick, place, what = named, top["tick"].value, "tick"
    elif everys:
        tick, place = min(everys, key=lambda every: every[0])
        what = "every"
    else:
        return DEFAULT_TICK
    if tick % MINUTE:
        reader.report(place, f"{what} ({format_duration(tick)}) must be a multiple of 1m")
        return tick
    source = "" if "tick" in top else ", the smallest every"
    for every, node in everys:
        if every % tick:
            shown = f"every ({format_duration(every)}) must be a multiple of the tick"
            reader.report(node, f"{shown} ({format_duration(tick)}{source})")
    return tick


def _forget_after(reader: Reader, top: Mapping[str, Entry], tick: int) -> int | None:
    if "forget_after" not in top:
        return None
    node = top["forget_after"].value
    forget_after = reader.duration(node, "forget_after")
    if forget_after is not None and forget_after % tick:
        shown = f"forget_after ({format_duration(forget_after)}) must be a multiple of the tick"
        reader.report(node, f"{shown} ({format_duration(tick)})")
    return forget_after


def _segments_read(segment: Segment) -> frozenset[str]:
    return segments_read(segment.when) | (frozenset() if segment.until is None else segments_read(segment.until))
