"""What a condition reads, and at which values of it the outcome can change."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from segmentation.expressions import nodes
from segmentation.expressions.evaluation import TICK
from segmentation.expressions.nodes import Expression, Node


def columns_read(expression: Expression) -> frozenset[str]:
    """The columns of the feature table that the condition needs, `TICK` with them where it measures an age."""
    names: set[str] = set()
    for node in nodes.walk(expression.root):
        if isinstance(node, nodes.FeatureColumn | nodes.Percentile):
            names.add(node.name)
        elif isinstance(node, nodes.HoursSince):
            names.add(TICK)
    return frozenset(names)


def features_read(expression: Expression) -> frozenset[str]:
    """The names of the features that the condition reads."""
    return frozenset(
        node.feature for node in nodes.walk(expression.root) if isinstance(node, nodes.FeatureColumn | nodes.Percentile)
    )


def segments_read(expression: Expression) -> frozenset[str]:
    """The names of the segments that in_segment() refers to."""
    return frozenset(node.segment for node in nodes.walk(expression.root) if isinstance(node, nodes.InSegment))


def percentile_thresholds(expression: Expression) -> Mapping[str, frozenset[float] | None]:
    """By rolling feature, the numbers that its percentile is compared with; None where every change of it matters.

    A NULL test adds no number. A move of the percentile that stays strictly between two neighbouring numbers, or on
    one, and neither begins nor ends with NULL cannot change the outcome.
    """
    found: dict[str, frozenset[float] | None] = {}
    for node, parent in _with_parents(expression.root, None):
        if isinstance(node, nodes.Percentile):
            _merge(found, node.feature, _compared_with(node, parent))
    return found


def age_thresholds(expression: Expression) -> Mapping[str, frozenset[float] | None]:
    """By TIMESTAMP column, the hours that hours_since() of it is compared with; None where every tick matters."""
    found: dict[str, frozenset[float] | None] = {}
    for node, parent in _with_parents(expression.root, None):
        if isinstance(node, nodes.HoursSince):
            _merge(found, node.column.name, _compared_with(node, parent))
    return found


def _merge(found: dict[str, frozenset[float] | None], name: str, numbers: frozenset[float] | None) -> None:
    before = found.get(name, frozenset())
    found[name] = None if before is None or numbers is None else before | numbers


def _with_parents(node: Node, parent: Node | None) -> Iterator[tuple[Node, Node | None]]:
    yield node, parent
    for child in nodes.children(node):
        yield from _with_parents(child, node)


def _compared_with(node: Node, parent: Node | None) -> frozenset[float] | None:
    """The number on the other side of a comparison, none beside a NULL test, None (unknown) anywhere else."""
    if isinstance(parent, nodes.IsNull):
        return frozenset()
    if isinstance(parent, nodes.Comparison):
        other = parent.right if parent.left is node else parent.left
        if isinstance(other, nodes.Literal) and isinstance(other.value, int | float | Decimal):
            return frozenset({float(other.value)})
    return None
