"""A checked condition back to text: one spelling for one meaning."""

from decimal import Decimal
from typing import TypeAlias

from segmentation.expressions.nodes import (
    And,
    Arithmetic,
    Case,
    Comparison,
    FeatureColumn,
    HoursSince,
    In,
    InSegment,
    IsNull,
    Literal,
    Negate,
    Node,
    Not,
    Or,
    Percentile,
    Type,
)
from segmentation.units import format_duration

_Operation: TypeAlias = Negate | Arithmetic | Comparison | In | IsNull | Not | And | Or


def render(node: Node) -> str:
    """SQL text of a node, with a pair of parentheses around every operand that has operands itself."""
    match node:
        case Literal():
            return _literal(node)
        case FeatureColumn() | Percentile():
            return node.name
        case HoursSince():
            return f"hours_since({node.column.name})"
        case InSegment():
            return f"in_segment('{node.segment}')"
        case Case():
            parts = [f"WHEN {render(when)} THEN {render(then)}" for when, then in node.branches]
            parts += [] if node.default is None else [f"ELSE {render(node.default)}"]
            return f"CASE {' '.join(parts)} END"
        case _:
            return _operation(node)


def _operation(node: _Operation) -> str:
    match node:
        case Negate():
            return f"-{_inner(node.operand)}"
        case Arithmetic() | Comparison():
            return f"{_inner(node.left)} {node.operator} {_inner(node.right)}"
        case In():
            return f"{_inner(node.operand)} IN ({', '.join(render(value) for value in node.values)})"
        case IsNull():
            return f"{_inner(node.operand)} IS NULL"
        case Not():
            return f"NOT {_inner(node.operand)}"
        case And() | Or():
            return f" {type(node).__name__.upper()} ".join(_inner(operand) for operand in node.operands)


def threshold_text(literal: Literal) -> str:
    """A literal as evidence shows it: text without quotes, an interval such as ``24h``."""
    value = literal.value
    if literal.type is Type.INTERVAL and isinstance(value, int):
        return f"-{format_duration(-value)}" if value < 0 else format_duration(value)
    return str(value) if literal.type is Type.STRING else _literal(literal)


def _inner(node: Node) -> str:
    simple = Literal | FeatureColumn | Percentile | HoursSince | InSegment
    return render(node) if isinstance(node, simple) else f"({render(node)})"


def _literal(literal: Literal) -> str:
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
