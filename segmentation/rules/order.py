"""In which order segments are evaluated, and which references make that impossible.

The unit of evaluation is a group with all its members, or one segment without a group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ruamel.yaml.nodes import ScalarNode

from segmentation.documents.reader import Reader

Unit: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """in_segment('target') in a condition of ``source``, at a character of the node's value.

    >>> from segmentation.documents.yaml import compose
    >>> Reference("a", "b", compose("in_segment('b')", "rules.yaml"), offset=0).target
    'b'
    """

    source: str
    target: str
    node: ScalarNode
    offset: int


def units_of(groups: Mapping[str, str | None]) -> tuple[Unit, ...]:
    """The units in the order of their first member in the file."""
    units: dict[tuple[str, str], list[str]] = {}
    for name, group in groups.items():
        units.setdefault(("segment", name) if group is None else ("group", group), []).append(name)
    return tuple(tuple(names) for names in units.values())


def order_of(groups: Mapping[str, str | None], reads: Mapping[str, frozenset[str]]) -> tuple[Unit, ...]:
    """The units, each after those it reads; where there is a choice, in the order of the file.

    ``reads`` has the segments that each segment refers to; there must be no cycle.
    """
    waiting = list(units_of(groups))
    done: set[str] = set()
    order: list[Unit] = []
    while waiting:
        ready = next(unit for unit in waiting if all(reads[name] <= done for name in unit))
        waiting.remove(ready)
        order.append(ready)
        done.update(ready)
    return tuple(order)


def check_cycles(reader: Reader, groups: Mapping[str, str | None], references: Sequence[Reference]) -> None:
    """Notes references within a unit, one by one, and each cycle through several units, once."""
    unit_of = {name: unit for unit in units_of(groups) for name in unit}
    outward: dict[Unit, list[Reference]] = {unit: [] for unit in unit_of.values()}
    for reference in references:
        if unit_of[reference.source] is unit_of[reference.target]:
            reader.report(reference.node, _within_unit(reference, groups[reference.source]), reference.offset)
        else:
            outward[unit_of[reference.source]].append(reference)
    told: set[Unit] = set()
    for unit in outward:
        path = () if unit in told else _shortest_cycle(unit, outward, unit_of)
        if path:
            reader.report(path[0].node, _cycle(path), path[0].offset)
            told.update(unit_of[reference.source] for reference in path)


def _within_unit(reference: Reference, group: str | None) -> str:
    if reference.source == reference.target:
        return f"the segment {reference.source!r} refers to itself"
    return f"{reference.source!r} and {reference.target!r} are both in group {group!r} and may not refer to each other"


def _shortest_cycle(
    start: Unit, outward: Mapping[Unit, Sequence[Reference]], unit_of: Mapping[str, Unit]
) -> tuple[Reference, ...]:
    """The references of a shortest way from a unit back to itself; none where there is no way."""
    paths: list[tuple[Reference, ...]] = [(reference,) for reference in outward[start]]
    seen: set[Unit] = set()
    for path in paths:  # grows while it is walked: breadth first
        unit = unit_of[path[-1].target]
        if unit == start:
            return path
        if unit not in seen:
            seen.add(unit)
            paths.extend((*path, reference) for reference in outward[unit])
    return ()


def _cycle(path: Sequence[Reference]) -> str:
    following = (*path[1:], path[0])
    if all(reference.target == after.source for reference, after in zip(path, following, strict=True)):
        return f"cycle of in_segment(): {' -> '.join(reference.source for reference in path)} -> {path[0].source}"
    steps = ", ".join(f"{reference.source} -> {reference.target}" for reference in path)
    return f"cycle of in_segment(): {steps}; the members of a group count as one"
