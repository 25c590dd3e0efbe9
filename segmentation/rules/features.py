"""The features of a rules file: from nodes to the dataclasses of `segmentation.features.kinds`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from segmentation.documents.reader import Entry, Reader
from segmentation.features.kinds import (
    RESERVED_EVENTS,
    UNKNOWN,
    Attribute,
    DistinctDays,
    Feature,
    Journey,
    Recency,
    RollingCount,
    RollingScore,
    Step,
)
from segmentation.units import DAY, HOUR, format_duration

_KEEPS = ("first", "last", "max", "set")

Entries: TypeAlias = Mapping[str, Entry]


@dataclass(frozen=True)
class ReadFeatures:
    """The features that could be told, and what is checked once the tick is known.

    A feature with an error in it is there all the same, with a stand-in for the value, so that conditions can be
    checked against it; ``unreadable`` are the names of those whose kind is not known, None where no name is.
    """

    features: Mapping[str, Feature]
    unreadable: frozenset[str] | None
    everys: Sequence[tuple[int, Node]]


@dataclass
class _State:
    reader: Reader
    everys: list[tuple[int, Node]] = field(default_factory=list)


def read_features(reader: Reader, node: Node) -> ReadFeatures:
    """All features of the mapping under ``features``."""
    state = _State(reader)
    features: dict[str, Feature] = {}
    unreadable: set[str] = set()
    for name, entry in reader.named(node, "features").items():
        reader.feature_name(entry.key)
        feature = _read_feature(state, name, entry)
        if feature is None:
            unreadable.add(name)
        else:
            features[name] = feature
    return ReadFeatures(features, frozenset(unreadable), tuple(state.everys))


def _read_feature(state: _State, name: str, entry: Entry) -> Feature | None:
    reader, what = state.reader, f"the feature {name!r}"
    if not isinstance(entry.value, MappingNode):
        reader.mapping(entry.value, what)
        return None
    kind_node = next((value for key, value in entry.value.value if key.value == "kind"), None)
    if kind_node is None:
        reader.report(entry.key, f"{what} needs the key 'kind': {', '.join(_KINDS)}")
        return None
    kind = reader.choice(kind_node, "kind", tuple(_KINDS))
    if kind is None:
        return None
    read, known, needed = _KINDS[kind]
    return read(state, name, reader.mapping(entry.value, what, ("kind", *known), needed, at=entry.key))


def _read_score(state: _State, name: str, entries: Entries) -> RollingScore:
    reader = state.reader
    window, every = _window(state, entries)
    weights: dict[str, int] = {}
    if "weights" in entries:
        for event, entry in reader.mapping(entries["weights"].value, "weights").items():
            _refuse_reserved(reader, entry.key, event)
            weights[event] = reader.integer(entry.value, f"the weight of {event!r}", 0) or 0
    default = _integer(reader, entries, "default_weight", 0, 0)
    if "weights" in entries and isinstance(entries["weights"].value, MappingNode) and not weights and not default:
        reader.report(entries["weights"].value, "no event has a weight; expected such as {page_view: 1}")
    return RollingScore(name, window, every, weights, default)


def _read_count(state: _State, name: str, entries: Entries) -> RollingCount:
    window, every = _window(state, entries)
    return RollingCount(name, window, every, _events(state.reader, entries))


def _read_journey(state: _State, name: str, entries: Entries) -> Journey:
    reader = state.reader
    start = _event(reader, entries["start"].value, "start") if "start" in entries else None
    mode, steps = _complete(reader, entries["complete"]) if "complete" in entries else ("all_of", ())
    deadline = reader.duration(entries["deadline"].value, "deadline") if "deadline" in entries else None
    return Journey(name, start or "", steps, mode, deadline)


def _complete(reader: Reader, entry: Entry) -> tuple[Literal["all_of", "any_of"], tuple[Step, ...]]:
    entries = reader.mapping(entry.value, "complete", ("all_of", "any_of"))
    if len(entries) != 1:
        if isinstance(entry.value, MappingNode):
            reader.report(entry.key, "complete needs either all_of or any_of")
        return "all_of", ()
    mode, steps = next(iter(entries.items()))
    if not isinstance(steps.value, SequenceNode) or not steps.value.value:
        reader.report(steps.value, f"{mode} must be a list of steps that is not empty")
        return "all_of", ()
    read = tuple(_step(reader, step) for step in steps.value.value)
    return ("all_of" if mode == "all_of" else "any_of"), tuple(step for step in read if step is not None)


def _step(reader: Reader, node: Node) -> Step | None:
    if not isinstance(node, MappingNode):
        event = _event(reader, node, "a step")
        return None if event is None else Step(event)
    entries = reader.mapping(node, "a step", ("event", "at_least", "distinct"), ("event",))
    event = _event(reader, entries["event"].value, "event") if "event" in entries else None
    distinct = reader.text_of(entries["distinct"].value, "distinct") if "distinct" in entries else None
    return Step(event or "", _integer(reader, entries, "at_least", 1, 1), distinct)


def _read_attribute(state: _State, name: str, entries: Entries) -> Attribute:
    reader = state.reader
    property_ = reader.text_of(entries["property"].value, "property") if "property" in entries else None
    keep = reader.choice(entries["keep"].value, "keep", _KEEPS) if "keep" in entries else None
    values = reader.texts(entries["values"].value, "values") if "values" in entries else None
    if values is not None and keep in ("max", "set"):
        reader.report(entries["values"].key, f"values go with keep: first or last, not with {keep}")
        values = None
    if values is not None and UNKNOWN in values:
        reader.report(entries["values"].value, f"{UNKNOWN!r} is what all other values become; leave it out")
    kept = cast(Literal["first", "last", "max", "set"], keep or "last")
    return Attribute(name, property_ or "", kept, values, _events(reader, entries))


def _read_recency(state: _State, name: str, entries: Entries) -> Recency:
    return Recency(name, _events(state.reader, entries))


def _read_days(state: _State, name: str, entries: Entries) -> DistinctDays:
    window = state.reader.duration(entries["window"].value, "window") if "window" in entries else None
    if window is not None and window % DAY:
        state.reader.report(entries["window"].value, f"window ({format_duration(window)}) must be a multiple of 1d")
    return DistinctDays(name, window, _events(state.reader, entries))


def _window(state: _State, entries: Entries) -> tuple[int, int]:
    """``window`` and ``every``, an hour standing in for what is missing or wrong."""
    reader = state.reader
    window = reader.duration(entries["window"].value, "window") if "window" in entries else None
    every = reader.duration(entries["every"].value, "every") if "every" in entries else None
    if every is not None:
        state.everys.append((every, entries["every"].value))
    if window is not None and every is not None and window % every:
        shown = f"window ({format_duration(window)}) must be a multiple of every ({format_duration(every)})"
        reader.report(entries["window"].value, shown)
    return window or HOUR, every or HOUR


def _integer(reader: Reader, entries: Entries, key: str, least: int, default: int) -> int:
    value = reader.integer(entries[key].value, key, least) if key in entries else None
    return default if value is None else value


def _events(reader: Reader, entries: Entries) -> tuple[str, ...]:
    """The names under ``events`` or ``event``; none means every event."""
    if "events" in entries and "event" in entries:
        reader.report(entries["event"].key, "either event or events, not both")
    for key in ("events", "event"):
        if key not in entries:
            continue
        node = entries[key].value
        names = reader.texts(node, key)
        for member in node.value if isinstance(node, SequenceNode) else [node]:
            _refuse_reserved(reader, member, str(member.value))
        return names or ()
    return ()


def _event(reader: Reader, node: Node, what: str) -> str | None:
    event = reader.text_of(node, what)
    if event is not None:
        _refuse_reserved(reader, node, event)
    return event


def _refuse_reserved(reader: Reader, node: Node, event: str) -> None:
    if event in RESERVED_EVENTS:
        reader.report(node, f"{event!r} is a reserved event and never counts in a feature")


_Read: TypeAlias = Callable[[_State, str, Entries], Feature]

#: By kind: who reads it, the keys it may have, the keys it needs.
_KINDS: Mapping[str, tuple[_Read, tuple[str, ...], tuple[str, ...]]] = {
    "rolling_score": (
        _read_score,
        ("window", "every", "weights", "default_weight"),
        ("window", "every", "weights"),
    ),
    "rolling_count": (_read_count, ("window", "every", "events", "event"), ("window", "every")),
    "journey": (_read_journey, ("start", "complete", "deadline"), ("start", "complete")),
    "attribute": (_read_attribute, ("property", "keep", "values", "events", "event"), ("property", "keep")),
    "recency": (_read_recency, ("events", "event"), ()),
    "distinct_days": (_read_days, ("window", "events", "event"), ()),
}
