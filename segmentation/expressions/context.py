"""What checking one condition knows and finds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from segmentation.documents.suggestions import did_you_mean
from segmentation.expressions.nodes import InSegment
from segmentation.expressions.places import Places
from segmentation.expressions.scope import NamedFeature
from segmentation.expressions.syntax import Syntax

FUNCTIONS = ("percentile", "hours_since", "in_segment")
EXPECTED = (
    "a comparison, IN, IS NULL, BETWEEN, AND, OR, NOT, + - * /, CASE, a literal, a feature, "
    "percentile(), hours_since() or in_segment()"
)

#: What people call a construct that is not in the grammar.
_NAMES: Mapping[type[exp.Expr], str] = {
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
    exp.Cast: "a cast",
    exp.Mod: "%",
    exp.IntDiv: "//",
    exp.DPipe: "||",
    exp.Subquery: "a subquery",
    exp.Select: "a subquery",
    exp.Tuple: "a list in parentheses",
    exp.Bracket: "[ ]",
    exp.Placeholder: "a placeholder",
    exp.Parameter: "a parameter",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.Star: "*",
    exp.Concat: "one string beside another",
    exp.RawString: "a string in dollar quotes",
    exp.ByteString: "a string with escapes",
    exp.Window: "OVER",
    exp.In: "IN without a list of literals in parentheses",
    exp.Case: "CASE with an operand before WHEN",
    exp.Column: "a name of more than two parts",
}


@dataclass
class Context:
    """The names in scope, the places of the text, and the errors and in_segment() references found so far.

    >>> from segmentation.expressions.syntax import read
    >>> syntax = read("clicks > 1")
    >>> context = Context(syntax, {}, frozenset(), Places(syntax.tokens))
    >>> context.error(0, "unknown feature")
    >>> context.errors
    [(0, 'unknown feature')]
    """

    syntax: Syntax
    features: Mapping[str, NamedFeature]
    segments: frozenset[str]
    places: Places
    #: Features that exist but could not be read (None: any): nothing can be said about them, so nothing is.
    unreadable: frozenset[str] | None = frozenset()
    errors: list[tuple[int, str]] = field(default_factory=list)
    references: list[InSegment] = field(default_factory=list)
    depth: int = 0

    def error(self, at: int, message: str) -> None:
        """Notes an error; checking goes on."""
        self.errors.append((at, message))

    def unsupported(self, tree: exp.Expr) -> None:
        """Notes a construct that is not in the grammar, by the name that people know it by."""
        if isinstance(tree, exp.Func) and type(tree) not in _NAMES:
            name = tree.name if isinstance(tree, exp.Anonymous) else tree.sql_name().lower()
            message = f"unknown function {name}(); expected percentile(), hours_since() or in_segment()"
            self.error(self.places.near(tree), message + did_you_mean(name, FUNCTIONS))
            return
        name = _NAMES.get(type(tree), tree.key.upper())
        self.error(self.places.near(tree), f"{name} is not in the grammar; expected {EXPECTED}")


def only(tree: exp.Expr, names: Iterable[str]) -> bool:
    """Whether the node says nothing beyond these arguments."""
    allowed = frozenset(names)
    return all(name in allowed or not value for name, value in tree.args.items())
