"""From a checked condition to a Polars expression, three-valued exactly as SQL has it."""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import polars as pl

from segmentation.expressions.nodes import (
    And,
    Arithmetic,
    Case,
    Column,
    Comparison,
    ComparisonOperator,
    Expression,
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
    walk,
)

#: The column of the feature table with the tick that a row is evaluated at, in microseconds.
TICK = "tick"
MICROS_PER_HOUR = 3.6e9

_DTYPES: Mapping[Type, pl.DataType] = {
    Type.BOOLEAN: pl.Boolean(),
    Type.INTEGER: pl.Int64(),
    Type.DECIMAL: pl.Float64(),
    Type.DOUBLE: pl.Float64(),
    Type.STRING: pl.String(),
    Type.TIMESTAMP: pl.Int64(),
    Type.INTERVAL: pl.Int64(),
}
_COMPARE: Mapping[ComparisonOperator, Callable[[Any, Any], Any]] = {
    "=": eq,
    "<>": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
#: The operator with its operands exchanged.
FLIPPED: Mapping[ComparisonOperator, ComparisonOperator] = {
    "=": "=",
    "<>": "<>",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}


def to_polars(expression: Expression, in_segment: Mapping[str, bool]) -> pl.Expr:
    """The condition over the feature table (a row = one user at one tick), a nullable Boolean as long as the table.

    ``in_segment`` has a constant for each name that the condition refers to.

    Raises:
        KeyError: a name is missing there.
    """
    compiled = compile_node(expression.root, in_segment)
    if _reads_columns(expression.root):
        return compiled
    constant = pl.select(compiled).item()
    return pl.repeat(constant, pl.len(), dtype=pl.Boolean)


def compile_node(node: Node, in_segment: Mapping[str, bool]) -> pl.Expr:
    """The value of a part of a condition; times and intervals are integers in microseconds."""
    match node:
        case Literal():
            return _literal(node)
        case Column() | Percentile():
            return pl.col(node.name)
        case HoursSince():
            age = (pl.col(TICK) - pl.col(node.column.name)).cast(pl.Float64)
            return _divided(age, pl.lit(MICROS_PER_HOUR))
        case InSegment():
            return pl.lit(in_segment[node.segment])
        case Negate() | Arithmetic() | Case():
            return _value(node, in_segment)
        case Comparison() | In() | IsNull():
            return _predicate(node, in_segment)
        case Not():
            return compile_node(node.operand, in_segment).not_()
        case And():
            return pl.all_horizontal(compile_node(operand, in_segment) for operand in node.operands)
        case Or():
            return pl.any_horizontal(compile_node(operand, in_segment) for operand in node.operands)


def _reads_columns(node: Node) -> bool:
    return any(isinstance(below, Column | Percentile | HoursSince) for below in walk(node))


def _literal(literal: Literal) -> pl.Expr:
    value = float(literal.value) if isinstance(literal.value, Decimal) else literal.value
    return pl.lit(value, dtype=_DTYPES[literal.type])


def _value(node: Negate | Arithmetic | Case, in_segment: Mapping[str, bool]) -> pl.Expr:
    match node:
        case Negate():
            operand = compile_node(node.operand, in_segment)
            return _checked(0 - _wide(operand)) if node.type is Type.INTEGER else -operand
        case Arithmetic():
            return _arithmetic(node, in_segment)
        case Case():
            dtype = _DTYPES[node.type]
            value = pl.lit(None, dtype=dtype)
            if node.default is not None:
                value = compile_node(node.default, in_segment).cast(dtype)
            for when, then in reversed(node.branches):
                chosen = pl.when(compile_node(when, in_segment)).then(compile_node(then, in_segment).cast(dtype))
                value = chosen.otherwise(value)
            return value


def _arithmetic(node: Arithmetic, in_segment: Mapping[str, bool]) -> pl.Expr:
    left, right = compile_node(node.left, in_segment), compile_node(node.right, in_segment)
    if node.type is Type.DOUBLE:
        left, right = left.cast(pl.Float64), right.cast(pl.Float64)
    if node.operator == "/":
        return pl.when(right != 0.0).then(_divided(left, right))
    if node.type is Type.INTEGER:
        left, right = _wide(left), _wide(right)
    result = left + right if node.operator == "+" else left - right if node.operator == "-" else left * right
    return _checked(result) if node.type is Type.INTEGER else result


def _divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """One IEEE division per row.

    Polars multiplies by the reciprocal of a divisor that is one literal for all rows, which may be another double in
    the last place; by a divisor with a value per row it divides.
    """
    return left / (left * 0.0 + right)


def _wide(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Int128)


def _checked(value: pl.Expr) -> pl.Expr:
    """Back to 64 bits; what does not fit is unknown rather than wrapped around."""
    return value.cast(pl.Int64, strict=False)


def _predicate(node: Comparison | In | IsNull, in_segment: Mapping[str, bool]) -> pl.Expr:
    match node:
        case IsNull():
            return compile_node(node.operand, in_segment).is_null()
        case Comparison():
            return _compare(node.operator, node.left, node.right, in_segment)
        case In() if node.operand.type in (Type.STRING, Type.INTERVAL):
            values = pl.Series([value.value for value in node.values], dtype=_DTYPES[node.operand.type])
            return compile_node(node.operand, in_segment).is_in(values.implode())
        case In():
            return pl.any_horizontal(_compare("=", node.operand, value, in_segment) for value in node.values)


def _compare(operator: ComparisonOperator, left: Node, right: Node, in_segment: Mapping[str, bool]) -> pl.Expr:
    if _reads_columns(right) and not _reads_columns(left):
        # Polars gives `literal < column` the literal's length where the column came out as one value for all rows.
        operator, left, right = FLIPPED[operator], right, left
    if isinstance(right, Literal) and isinstance(right.value, Decimal) and left.type is Type.INTEGER:
        return _compare_with_decimal(operator, compile_node(left, in_segment), right.value)
    first, second = compile_node(left, in_segment), compile_node(right, in_segment)
    if left.type is not right.type:
        first, second = first.cast(pl.Float64), second.cast(pl.Float64)
    result: pl.Expr = _COMPARE[operator](first, second)
    return result


def _compare_with_decimal(operator: ComparisonOperator, integer: pl.Expr, bound: Decimal) -> pl.Expr:
    """Integer against decimal without rounding either: against the whole numbers beside the decimal."""
    floor, ceiling = int(bound.to_integral_value(ROUND_FLOOR)), int(bound.to_integral_value(ROUND_CEILING))
    if operator in ("=", "<>") and floor != ceiling:
        return pl.when(integer.is_not_null()).then(pl.lit(operator == "<>"))
    whole = ceiling if operator in ("<", ">=") else floor
    result: pl.Expr = _COMPARE[operator](integer, pl.lit(whole, dtype=pl.Int64))
    return result
