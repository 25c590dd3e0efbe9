"""The features of a rules file: each kind reads its own keys (`segmentation.features.registry`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node

from segmentation.documents.reader import Entry, Reader
from segmentation.expressions.syntax import is_plain_name
from segmentation.features.kind import Feature
from segmentation.features.reading import KeyReader
from segmentation.features.registry import KINDS


@dataclass(frozen=True)
class ReadFeatures:
    """The features that could be told, and what is checked once the tick is known.

    A feature with an error in it is there all the same, with a stand-in for the value, so that conditions can be
    checked against it; ``unreadable`` are the names of those whose kind is not known, None where no name is.
    ``on_tick`` has the durations (µs) that must be multiples of the tick, and where they stand.

    >>> from segmentation.documents.yaml import compose
    >>> text = "seen: {kind: recency}"
    >>> read_features(Reader(text, "rules.yaml"), compose(text, "rules.yaml")).features["seen"].kind
    'recency'
    """

    features: Mapping[str, Feature]
    unreadable: frozenset[str] | None
    on_tick: Sequence[tuple[int, Node]]


def read_features(reader: Reader, node: Node) -> ReadFeatures:
    """All features of the mapping under ``features``."""
    features: dict[str, Feature] = {}
    unreadable: set[str] = set()
    on_tick: list[tuple[int, Node]] = []
    for name, entry in reader.named(node, "features").items():
        _check_name(reader, entry.key)
        kind = _kind(reader, name, entry)
        if kind is None:
            unreadable.add(name)
            continue
        known, what = ("kind", *kind.keys), f"the feature {name!r}"
        keys = KeyReader(reader, reader.mapping(entry.value, what, known, kind.needed, at=entry.key))
        features[name] = kind.read(name, keys)
        on_tick += keys.on_tick
    return ReadFeatures(features, frozenset(unreadable), tuple(on_tick))


def _check_name(reader: Reader, node: Node) -> None:
    """Notes a feature's name that could not stand in a condition."""
    name = reader.name(node, "the feature")
    if name is not None and not is_plain_name(name):
        reader.report(node, f"the feature name {name!r} is a word of the condition language; choose another")


def _kind(reader: Reader, name: str, entry: Entry) -> type[Feature] | None:
    kinds = {kind.kind: kind for kind in KINDS}
    if not isinstance(entry.value, MappingNode):
        reader.mapping(entry.value, f"the feature {name!r}")
        return None
    node = next((value for key, value in entry.value.value if key.value == "kind"), None)
    if node is None:
        reader.report(entry.key, f"the feature {name!r} needs the key 'kind': {', '.join(kinds)}")
        return None
    word = reader.choice(node, "kind", tuple(kinds))
    return None if word is None else kinds[word]
