"""A checked condition back to text: one spelling for one meaning."""

from decimal import Decimal
from typing import TypeAlias

from segmentation.expressions import nodes
from segmentation.expressions.nodes import Node, Type
from segmentation.units import format_duration

_Operation: TypeAlias = (
    nodes.Negate | nodes.Arithmetic | nodes.Comparison | nodes.In | nodes.IsNull | nodes.Not | nodes.And | nodes.Or
)


def render(node: Node) -> str:
    """SQL text of a node, with a pair of parentheses around every operand that has operands itself."""
    match node:
        case nodes.Literal():
            return _literal(node)
        case nodes.FeatureColumn() | nodes.Percentile():
            return node.name
        case nodes.HoursSince():
            return f"hours_since({node.column.name})"
        case nodes.InSegment():
            return f"in_segment('{node.segment}')"
        case nodes.Case():
            parts = [f"WHEN {render(when)} THEN {render(then)}" for when, then in node.branches]
            parts += [] if node.default is None else [f"ELSE {render(node.default)}"]
            return f"CASE {' '.join(parts)} END"
        case _:
            return _operation(node)


def _operation(node: _Operation) -> str:
    match node:
        case nodes.Negate():
            return f"-{_inner(node.operand)}"
        case nodes.Arithmetic() | nodes.Comparison():
            return f"{_inner(node.left)} {node.operator} {_inner(node.right)}"
        case nodes.In():
            return f"{_inner(node.operand)} IN ({', '.join(render(value) for value in node.values)})"
        case nodes.IsNull():
            return f"{_inner(node.operand)} IS NULL"
        case nodes.Not():
            return f"NOT {_inner(node.operand)}"
        case nodes.And() | nodes.Or():
            return f" {type(node).__name__.upper()} ".join(_inner(operand) for operand in node.operands)


def threshold_text(literal: nodes.Literal) -> str:
    """A literal as evidence shows it: text without quotes, an interval such as ``24h``."""
    value = literal.value
    if literal.type is Type.INTERVAL and isinstance(value, int):
        return f"-{format_duration(-value)}" if value < 0 else format_duration(value)
    return str(value) if literal.type is Type.STRING else _literal(literal)


def _inner(node: Node) -> str:
    simple = nodes.Literal | nodes.FeatureColumn | nodes.Percentile | nodes.HoursSince | nodes.InSegment
    return render(node) if isinstance(node, simple) else f"({render(node)})"


def _literal(literal: nodes.Literal) -> str:
    value = literal.value
    match literal.type:
        case Type.BOOLEAN:
            return "TRUE" if value else "FALSE"
        case Type.STRING:
            quoted = str(value).replace("'", "''")
            return f"'{quoted}'"
        case Type.INTERVAL:
            return f"INTERVAL '{Decimal(value) / 1_000_000:f}' SECOND"
        case Type.DOUBLE:
            written = repr(value)
            return written if "e" in written else f"{written}e0"
        case _:
            return str(value)
