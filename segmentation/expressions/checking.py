"""From sqlglot's tree to the closed, typed tree: every error of a condition in one go."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from segmentation.expressions import combining, nodes, operands, typing_rules
from segmentation.expressions.context import Context, only
from segmentation.expressions.errors import ExpressionError
from segmentation.expressions.nodes import ArithmeticOperator, ComparisonOperator, Expression, Literal, Node, Type
from segmentation.expressions.places import Places
from segmentation.expressions.scope import NamedFeature
from segmentation.expressions.syntax import read

#: Most different in_segment() references of one condition: callers evaluate every combination of them.
MAX_IN_SEGMENT = 6
_MAX_DEPTH = 50

_COMPARISONS: Mapping[type[exp.Expr], ComparisonOperator] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: Mapping[type[exp.Expr], ArithmeticOperator] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_PREDICATES = (*_COMPARISONS, exp.In, exp.Is, exp.Between, exp.Not, exp.And, exp.Or)


@dataclass(frozen=True)
class Checked:
    """The outcome: no tree where there are errors; the in_segment() references that were readable in any case.

    >>> check("clicks > 1", {}, []).root is None
    True
    """

    root: Node | None
    errors: tuple[tuple[int, str], ...]
    references: tuple[nodes.InSegment, ...]


def check(
    text: str,
    features: Mapping[str, NamedFeature],
    segments: Iterable[str],
    unreadable: frozenset[str] | None = frozenset(),
) -> Checked:
    """Reads and type-checks a condition; of the features in ``unreadable`` (None: of any) no more is known.

    Raises:
        ExpressionError: the text is no SQL expression at all; what can be read is checked and its errors returned.
    """
    syntax = read(text)
    context = Context(syntax, features, frozenset(segments), Places(syntax.tokens), unreadable)
    root = _boolean(context, syntax.tree, "the condition")
    names = list(dict.fromkeys(reference.segment for reference in context.references))
    if len(names) > MAX_IN_SEGMENT:
        at = next(reference.at for reference in context.references if reference.segment == names[MAX_IN_SEGMENT])
        context.error(at, f"at most {MAX_IN_SEGMENT} different in_segment() in one condition, found {len(names)}")
    return Checked(None if context.errors else root, tuple(context.errors), tuple(context.references))


def parse(text: str, features: Mapping[str, NamedFeature], segment_names: Iterable[str]) -> Expression:
    """A condition, read and type-checked against the features and segments of a rules file.

    Raises:
        ExpressionError: it is outside of the grammar, names what does not exist, or mixes types; ``faults`` has every
            error with its place in the text (of a syntax error only the first).
    """
    checked = check(text, features, segment_names)
    if checked.root is None:
        raise ExpressionError(text, checked.errors)
    return Expression(text, checked.root)


def _node(context: Context, tree: exp.Expr) -> Node | None:
    context.depth += 1
    try:
        if context.depth > _MAX_DEPTH:
            context.error(context.places.near(tree), f"nested deeper than {_MAX_DEPTH} levels")
            return None
        return _dispatch(context, tree)
    finally:
        context.depth -= 1


def _dispatch(context: Context, tree: exp.Expr) -> Node | None:
    handler, arguments = _HANDLERS.get(type(tree), (None, ()))
    if handler is not None and only(tree, arguments):
        return handler(context, tree)
    context.unsupported(tree)
    return None


def _paren(context: Context, tree: exp.Expr) -> Node | None:
    return _node(context, tree.this)


def _null(context: Context, tree: exp.Expr) -> None:
    at = context.places.keyword(tree, TokenType.NULL)
    context.error(at, "NULL may only stand after IS or IS NOT")


def _boolean(context: Context, tree: exp.Expr, what: str) -> Node | None:
    node = _node(context, tree)
    if node is not None and node.type is not Type.BOOLEAN:
        context.error(node.at, f"{what} must be BOOLEAN, such as a comparison; this is {node.type.value}")
        return None
    return node


def _operand(context: Context, tree: exp.Expr) -> Node | None:
    """A part of a predicate, which may be a predicate itself only within parentheses: engines bind differently."""
    if isinstance(tree, _PREDICATES):
        context.error(context.places.near(tree), "a comparison within another needs parentheses, or AND between them")
        return None
    return _node(context, tree)


def _not(context: Context, tree: exp.Expr) -> Node | None:
    operand = _boolean(context, tree.this, "the operand of NOT")
    return None if operand is None else nodes.Not(operand, operand.at)


def _junction(context: Context, tree: exp.Expr) -> Node | None:
    kind = type(tree)
    parts: list[exp.Expr] = []
    while type(tree) is kind:
        parts.append(tree.expression)
        tree = tree.this
    found = [_boolean(context, part, f"each side of {kind.__name__.upper()}") for part in (tree, *reversed(parts))]
    sides = tuple(node for node in found if node is not None)
    if len(sides) < len(found):
        return None
    return nodes.And(sides, sides[0].at) if kind is exp.And else nodes.Or(sides, sides[0].at)


def _is(context: Context, tree: exp.Expr) -> Node | None:
    operand = _operand(context, tree.this)
    if not isinstance(tree.expression, exp.Null):
        context.error(context.places.near(tree), "expected NULL or NOT NULL after IS")
        return None
    return None if operand is None else nodes.IsNull(operand, operand.at)


def _between(context: Context, tree: exp.Expr) -> Node | None:
    operand = _operand(context, tree.this)
    low = combining.compare(context, ">=", operand, _operand(context, tree.args["low"]))
    high = combining.compare(context, "<=", operand, _operand(context, tree.args["high"]))
    return None if low is None or high is None else nodes.And((low, high), low.at)


def _in(context: Context, tree: exp.Expr) -> Node | None:
    operand = _operand(context, tree.this)
    values: list[Literal] = []
    if not tree.expressions:
        context.error(context.places.near(tree), "IN needs at least one literal in parentheses")
    for member in tree.expressions:
        if isinstance(member, exp.Null):
            at = context.places.keyword(tree, TokenType.NULL)
            context.error(at, "no NULL within IN, where engines differ; add OR ... IS NULL")
            continue
        value = _node(context, member)
        if value is None:
            continue
        if not isinstance(value, Literal):
            context.error(value.at, "IN takes literals only, such as ('a', 'b') or (1, 2)")
        elif operand is not None and combining.comparable(context, "=", operand, value):
            values.append(value)
    if operand is None or len(values) < len(tree.expressions) or not values:
        return None
    return nodes.In(operand, tuple(values), operand.at)


def _comparison(context: Context, tree: exp.Expr) -> Node | None:
    left = _operand(context, tree.this)
    return combining.compare(context, _COMPARISONS[type(tree)], left, _operand(context, tree.expression))


def _negate(context: Context, tree: exp.Expr) -> Node | None:
    return combining.negate(context, _operand(context, tree.this))


def _arithmetic(context: Context, tree: exp.Expr) -> Node | None:
    left = _operand(context, tree.this)
    return combining.arithmetic(context, _ARITHMETIC[type(tree)], left, _operand(context, tree.expression))


def _case(context: Context, tree: exp.Expr) -> Node | None:
    at = context.places.keyword(tree, TokenType.CASE)
    branches = [
        (_boolean(context, branch.this, "the condition of WHEN"), _node(context, branch.args["true"]))
        for branch in tree.args["ifs"]
    ]
    otherwise = tree.args.get("default")
    default = None if otherwise is None else _node(context, otherwise)
    whole = tuple((when, then) for when, then in branches if when is not None and then is not None)
    if len(whole) < len(branches) or (otherwise is not None and default is None):
        return None
    results = (*(then for _, then in whole), *(() if default is None else (default,)))
    try:
        return nodes.Case(whole, default, typing_rules.common_type(tuple(result.type for result in results)), at)
    except ValueError as error:
        context.error(at, str(error))
        return None


_Handler: TypeAlias = Callable[[Context, Any], Node | None]

#: What each node of the grammar may say, by the names of sqlglot's arguments, and who reads it.
_HANDLERS: Mapping[type[exp.Expr], tuple[_Handler, tuple[str, ...]]] = {
    exp.Paren: (_paren, ("this",)),
    exp.Column: (operands.column, ("this", "table")),
    exp.Literal: (operands.literal, ("this", "is_string")),
    exp.Boolean: (operands.boolean, ("this",)),
    exp.Interval: (operands.interval, ("this", "unit")),
    exp.Anonymous: (operands.function, ("this", "expressions")),
    exp.Null: (_null, ()),
    exp.Not: (_not, ("this",)),
    exp.And: (_junction, ("this", "expression")),
    exp.Or: (_junction, ("this", "expression")),
    exp.In: (_in, ("this", "expressions")),
    exp.Is: (_is, ("this", "expression")),
    exp.Between: (_between, ("this", "low", "high")),
    exp.Neg: (_negate, ("this",)),
    exp.Case: (_case, ("ifs", "default")),
    **dict.fromkeys(_COMPARISONS, (_comparison, ("this", "expression"))),
    **dict.fromkeys(_ARITHMETIC, (_arithmetic, ("this", "expression", "typed", "safe"))),
}
