"""From a checked condition to its values, three-valued exactly as SQL has it: plain array operations, so that a handful
of rows costs a few microseconds a node."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import numpy.typing as npt

from segmentation.expressions import nodes, values
from segmentation.expressions.nodes import ComparisonOperator, Expression, Node, Type
from segmentation.expressions.values import Table, Values

#: The column of the feature table with the tick that a row is evaluated at, in microseconds.
TICK = "tick"
MICROS_PER_HOUR = 3.6e9

_DTYPES: Mapping[Type, type[np.generic]] = {
    Type.BOOLEAN: np.bool_,
    Type.INTEGER: np.int64,
    Type.DECIMAL: np.float64,
    Type.DOUBLE: np.float64,
    Type.TIMESTAMP: np.int64,
    Type.INTERVAL: np.int64,
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


def holds(expression: Expression, table: Table, in_segment: Mapping[str, bool]) -> Values:
    """The condition over the feature table (a row = one user at one tick).

    ``in_segment`` has a constant for each name that the condition refers to.

    Raises:
        KeyError: a name is missing there, or a column in the table.
    """
    return value_of(expression.root, table, in_segment)


def value_of(node: Node, table: Table, in_segment: Mapping[str, bool]) -> Values:
    """The value of a part of a condition; times and intervals are integers in microseconds."""
    # What is not known holds anything, and a division by zero is NULL.
    with np.errstate(all="ignore"):
        return _Evaluation(table, in_segment).value(node)


class _Evaluation:
    def __init__(self, table: Table, in_segment: Mapping[str, bool]) -> None:
        self._table = table
        self._in_segment = in_segment

    def value(self, node: Node) -> Values:
        match node:
            case nodes.Comparison():
                return self._compare(node.operator, node.left, node.right)
            case nodes.FeatureColumn() | nodes.Percentile():
                return self._table[node.name]
            case nodes.Literal():
                return _literal(node)
            case nodes.HoursSince():
                since, tick = self._table[node.column.name], self._table[TICK]
                return Values(_doubles(tick.data - since.data) / MICROS_PER_HOUR, values.both(tick, since))
            case nodes.Negate() | nodes.Arithmetic() | nodes.Case():
                return self._computed(node)
            case _:
                return self._predicate(node)

    def _predicate(self, node: nodes.In | nodes.IsNull | nodes.InSegment | nodes.And | nodes.Or | nodes.Not) -> Values:
        match node:
            case nodes.And():
                return values.all_of([self.value(operand) for operand in node.operands])
            case nodes.Or():
                return values.any_of([self.value(operand) for operand in node.operands])
            case nodes.Not():
                return values.negation(self.value(node.operand))
            case nodes.In():
                return self._in(node)
            case nodes.IsNull():
                return Values(~self.value(node.operand).known)
            case nodes.InSegment():
                return Values(np.bool_(self._in_segment[node.segment]))

    def _computed(self, node: nodes.Negate | nodes.Arithmetic | nodes.Case) -> Values:
        match node:
            case nodes.Negate():
                operand = self.value(node.operand)
                if node.type is Type.INTEGER:
                    return values.subtracted(Values(np.int64(0)), operand)
                return Values(-operand.data, operand.known)
            case nodes.Arithmetic():
                return self._arithmetic(node)
            case nodes.Case():
                value = _nothing(node.type) if node.default is None else self._typed(node.default, node.type)
                for when, then in reversed(node.branches):
                    value = values.chosen(self.value(when), self._typed(then, node.type), value)
                return value

    def _arithmetic(self, node: nodes.Arithmetic) -> Values:
        left, right = self.value(node.left), self.value(node.right)
        if node.type is Type.INTEGER:
            return {"+": values.added, "-": values.subtracted, "*": values.multiplied}[node.operator](left, right)
        known = values.both(left, right)
        first, second = left.data, right.data
        if node.type is Type.DOUBLE:
            first, second = _doubles(first), _doubles(second)
        match node.operator:
            case "/":
                return Values(first / second, known & (second != 0.0))
            case "+":
                return Values(first + second, known)
            case "-":
                return Values(first - second, known)
            case "*":
                return Values(first * second, known)

    def _typed(self, node: Node, type_: Type) -> Values:
        """The value in the array type of ``type_``."""
        value = self.value(node)
        return value if value.words is not None else Values(np.asarray(value.data, _DTYPES[type_]), value.known)

    def _in(self, node: nodes.In) -> Values:
        if node.operand.type is Type.STRING:
            operand = values.narrowed(self.value(node.operand))
            wanted = {value.value for value in node.values}
            member = np.array([*(word in wanted for word in operand.words or ()), False])
            return Values(member[operand.data] & operand.known, operand.known)
        return values.any_of([self._compare("=", node.operand, value) for value in node.values])

    def _compare(self, operator: ComparisonOperator, left: Node, right: Node) -> Values:
        if isinstance(left, nodes.Literal) and not isinstance(right, nodes.Literal):
            operator, left, right = FLIPPED[operator], right, left
        if isinstance(right, nodes.Literal) and isinstance(right.value, Decimal) and left.type is Type.INTEGER:
            return _compared_with_decimal(operator, self.value(left), right.value)
        first, second = self.value(left), self.value(right)
        if left.type is not right.type:
            first, second = Values(_doubles(first.data), first.known), Values(_doubles(second.data), second.known)
        return values.compared(operator, first, second)


def _literal(literal: nodes.Literal) -> Values:
    if isinstance(literal.value, str):
        return Values(np.int64(0), words=[literal.value])
    return Values(_DTYPES[literal.type](literal.value))


def _nothing(type_: Type) -> Values:
    if type_ is Type.STRING:
        return Values(np.int64(-1), np.bool_(False), [])
    return Values(_DTYPES[type_](0), np.bool_(False))


def _doubles(data: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(data, np.float64)


def _compared_with_decimal(operator: ComparisonOperator, integer: Values, bound: Decimal) -> Values:
    """Integer against decimal without rounding either: against the whole numbers beside the decimal."""
    floor, ceiling = int(bound.to_integral_value(ROUND_FLOOR)), int(bound.to_integral_value(ROUND_CEILING))
    if operator in ("=", "<>") and floor != ceiling:
        return Values(integer.known & np.bool_(operator == "<>"), integer.known)
    whole = ceiling if operator in ("<", ">=") else floor
    return Values(values.COMPARE[operator](integer.data, whole) & integer.known, integer.known)
