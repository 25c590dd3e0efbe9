"""Typed operands to a typed node, or an error where their types do not go together."""

from segmentation.documents.suggestions import did_you_mean
from segmentation.expressions import nodes, typing_rules
from segmentation.expressions.context import Context
from segmentation.expressions.literals import negated
from segmentation.expressions.nodes import ArithmeticOperator, ComparisonOperator, Literal, Node, Type


def compare(context: Context, operator: ComparisonOperator, left: Node | None, right: Node | None) -> Node | None:
    """A comparison of two operands of one family."""
    if left is None or right is None or not comparable(context, operator, left, right):
        return None
    return nodes.Comparison(operator, left, right, left.at)


def comparable(context: Context, operator: ComparisonOperator, left: Node, right: Node) -> bool:
    """Whether the operator takes both; notes why not."""
    if not typing_rules.same_family(left.type, right.type):
        context.error(right.at, f"cannot compare {left.type.value} with {right.type.value}")
        return False
    if left.type is Type.BOOLEAN and operator not in ("=", "<>"):
        context.error(right.at, f"BOOLEANs compare only with = and <>, not {operator}")
        return False
    return _in_vocabulary(context, left, right) and _in_vocabulary(context, right, left)


def _in_vocabulary(context: Context, operand: Node, value: Node) -> bool:
    """Whether a literal beside a column with a closed vocabulary is a word of it."""
    if not (isinstance(operand, nodes.FeatureColumn) and isinstance(value, Literal)):
        return True
    words = context.features[operand.feature].columns()[operand.name].values
    if words is None or value.value in words:
        return True
    hint = did_you_mean(str(value.value), words)
    context.error(value.at, f"{operand.name} is never {value.value!r}; expected one of {', '.join(words)}{hint}")
    return False


def negate(context: Context, operand: Node | None) -> Node | None:
    """Unary minus; of a literal the literal with the other sign."""
    if operand is None:
        return None
    if operand.type not in nodes.NUMBERS and operand.type is not Type.INTERVAL:
        context.error(operand.at, f"cannot negate {operand.type.value}; expected a number or an INTERVAL")
        return None
    return negated(operand) if isinstance(operand, Literal) else nodes.Negate(operand, operand.type, operand.at)


def arithmetic(
    context: Context, operator: ArithmeticOperator, left: Node | None, right: Node | None
) -> nodes.Arithmetic | None:
    """``left operator right`` for numbers and for times."""
    if left is None or right is None:
        return None
    try:
        type_ = typing_rules.arithmetic_type(operator, left.type, right.type)
    except ValueError as error:
        context.error(right.at, str(error))
        return None
    return nodes.Arithmetic(operator, left, right, type_, left.at)
