"""The closed, typed tree of a condition: all that a rule can say, and nothing else.

Every node knows its SQL type and the offset (0-based, in characters) of its first token in the text. Two nodes are
equal when they mean the same: offsets do not count.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import ClassVar, TypeAlias
from typing import Literal as OneOf


class Type(Enum):
    """The SQL types of the grammar; TIMESTAMP and INTERVAL are carried as integer microseconds."""

    BOOLEAN = "BOOLEAN"
    INTEGER = "INTEGER"
    #: Only literals such as 0.5 have this type: exact beside an INTEGER, a DOUBLE beside a DOUBLE.
    DECIMAL = "DECIMAL"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    TIMESTAMP = "TIMESTAMP"
    INTERVAL = "INTERVAL"


NUMBERS = frozenset({Type.INTEGER, Type.DECIMAL, Type.DOUBLE})

ComparisonOperator: TypeAlias = OneOf["=", "<>", "<", "<=", ">", ">="]
ArithmeticOperator: TypeAlias = OneOf["+", "-", "*", "/"]
Value: TypeAlias = bool | int | float | Decimal | str


@dataclass(frozen=True)
class Literal:
    """A constant; an INTERVAL's value is in microseconds.

    >>> Literal(7, Type.INTEGER) == Literal(7, Type.INTEGER, at=12)
    True
    """

    value: Value
    type: Type
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class FeatureColumn:
    """A value of a feature: ``name`` is the column of the feature table, such as ``onboarding.status``.

    >>> FeatureColumn("onboarding.status", "onboarding", Type.STRING).feature
    'onboarding'
    """

    name: str
    feature: str
    type: Type
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Percentile:
    """The percentile (0 to 100, nullable) of a rolling feature.

    >>> Percentile("engagement").name
    'percentile(engagement)'
    """

    feature: str
    at: int = field(default=0, compare=False)
    type: Type = field(default=Type.DOUBLE, init=False)

    @property
    def name(self) -> str:
        """The column of the feature table that holds it."""
        return f"percentile({self.feature})"


@dataclass(frozen=True)
class HoursSince:
    """Hours from a TIMESTAMP column to the tick, as one double division.

    >>> HoursSince(FeatureColumn("last_seen", "last_seen", Type.TIMESTAMP)).type.value
    'DOUBLE'
    """

    column: FeatureColumn
    at: int = field(default=0, compare=False)
    type: Type = field(default=Type.DOUBLE, init=False)


class _Predicate:
    """What is TRUE, FALSE or NULL."""

    type: ClassVar[Type] = Type.BOOLEAN


@dataclass(frozen=True)
class InSegment(_Predicate):
    """Membership in another segment at the same tick; never NULL.

    >>> from segmentation.expressions.checking import parse
    >>> parse("in_segment('power_user')", {}, ["power_user"]).root.segment
    'power_user'
    """

    segment: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Negate:
    """Unary minus.

    >>> Negate(Literal(7, Type.INTEGER), Type.INTEGER).operand.value
    7
    """

    operand: "Node"
    type: Type
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Arithmetic:
    """``+ - * /``; ``/`` is a DOUBLE, and NULL where the divisor is zero.

    >>> from segmentation.expressions.checking import parse
    >>> parse("1 / 2 = 0.5", {}, []).root.left.type.value
    'DOUBLE'
    """

    operator: ArithmeticOperator
    left: "Node"
    right: "Node"
    type: Type
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Comparison(_Predicate):
    """Two operands of one family; NULL when either is.

    >>> from segmentation.expressions.checking import parse
    >>> parse("1 < 2", {}, []).root.operator
    '<'
    """

    operator: ComparisonOperator
    left: "Node"
    right: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class In(_Predicate):
    """Equal to one of some literals that are not NULL; NULL when the operand is.

    >>> from segmentation.expressions.checking import parse
    >>> [each.value for each in parse("'a' IN ('a', 'b')", {}, []).root.values]
    ['a', 'b']
    """

    operand: "Node"
    values: tuple[Literal, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class IsNull(_Predicate):
    """IS NULL; never NULL itself. IS NOT NULL is its negation.

    >>> IsNull(Percentile("engagement")).operand.name
    'percentile(engagement)'
    """

    operand: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Not(_Predicate):
    """Three-valued negation.

    >>> from segmentation.expressions.checking import parse
    >>> parse("NOT TRUE", {}, []).root.operand.value
    True
    """

    operand: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class And(_Predicate):
    """Three-valued (Kleene) conjunction of two or more operands.

    >>> from segmentation.expressions.checking import parse
    >>> len(parse("TRUE AND FALSE AND TRUE", {}, []).root.operands)
    3
    """

    operands: tuple["Node", ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Or(_Predicate):
    """Three-valued (Kleene) disjunction of two or more operands.

    >>> from segmentation.expressions.checking import parse
    >>> [each.value for each in parse("TRUE OR FALSE", {}, []).root.operands]
    [True, False]
    """

    operands: tuple["Node", ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Case:
    """Searched CASE: the result of the first condition that is TRUE (NULL is not), else the default, else NULL.

    >>> from segmentation.expressions.checking import parse
    >>> parse("CASE WHEN TRUE THEN 1 ELSE 2 END = 1", {}, []).root.left.default.value
    2
    """

    branches: tuple[tuple["Node", "Node"], ...]
    default: "Node | None"
    type: Type
    at: int = field(default=0, compare=False)


Node: TypeAlias = (
    Literal
    | FeatureColumn
    | Percentile
    | HoursSince
    | InSegment
    | Negate
    | Arithmetic
    | Comparison
    | In
    | IsNull
    | Not
    | And
    | Or
    | Case
)


@dataclass(frozen=True)
class Expression:
    """A checked condition: the text as written and the typed tree it means (always a BOOLEAN).

    >>> from segmentation.expressions.checking import parse
    >>> parse("TRUE AND NOT FALSE", {}, ()).root
    And(operands=(Literal(value=True, ...), Not(operand=Literal(value=False, ...), ...)), ...)
    """

    text: str
    root: Node


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node in the order of the text."""
    match node:
        case Literal() | FeatureColumn() | Percentile() | InSegment():
            return ()
        case HoursSince():
            return (node.column,)
        case Negate() | IsNull() | Not():
            return (node.operand,)
        case In():
            return (node.operand, *node.values)
        case Arithmetic() | Comparison():
            return (node.left, node.right)
        case And() | Or():
            return node.operands
        case Case():
            default = () if node.default is None else (node.default,)
            return (*(part for branch in node.branches for part in branch), *default)


def walk(node: Node) -> tuple[Node, ...]:
    """The node and everything below it, in the order of the text."""
    return (node, *(below for child in children(node) for below in walk(child)))
