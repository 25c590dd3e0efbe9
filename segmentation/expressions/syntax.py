"""Text to sqlglot's tree, with the place of every token; what only a token shows is refused here."""

from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from segmentation.expressions.errors import ExpressionError

_RESERVED = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization between binary both by case cast
    check coalesce collate collation column columns concurrently constraint create cross default deferrable desc
    describe distinct do else end except false fetch for foreign freeze from full generated glob group grouping
    having hours_since if ilike in in_segment initially inner intersect interval into is isnull join lambda lateral
    leading left like limit map natural not notnull null offset on only or order outer overlaps percentile pivot
    pivot_longer pivot_wider placing positional primary qualify references returning right select semi show similar
    some struct summarize symmetric table tablesample then tick to trailing true try_cast tuple union unique unpack
    unpivot using variadic verbose when where window with
"""
#: Words that DuckDB does not take as the name of a column without quotes, and the words of the grammar itself.
RESERVED_WORDS = frozenset(_RESERVED.split())

#: Most parentheses and CASEs within one another; sqlglot takes about twenty frames of the stack for each.
MAX_NESTING = 20

_DIALECT = DuckDB()
_BINARY = frozenset({"=", "<>", "!=", "<", "<=", ">", ">=", "*", "/", "AND", "OR", "IN", "IS", "BETWEEN"})
_OPERAND = "a feature, a literal, percentile(), hours_since() or in_segment()"


@dataclass(frozen=True)
class Syntax:
    """A condition as sqlglot reads it; not checked yet.

    >>> syntax = read("clicks > 1")
    >>> [token.text for token in syntax.tokens]
    ['clicks', '>', '1']
    """

    text: str
    tree: exp.Expr
    tokens: tuple[Token, ...]


def read(text: str) -> Syntax:
    """The tree and the tokens of a condition.

    Raises:
        ExpressionError: the text is no SQL expression, or uses a spelling that the tree would hide.
    """
    if not text.strip():
        raise ExpressionError(text, [(0, "the condition is empty; expected a comparison such as score >= 10")])
    try:
        tokens = tuple(_DIALECT.tokenize(text))
    except TokenError:
        raise ExpressionError(text, [_tokenizing_error(text)]) from None
    errors = [error for at in range(len(tokens)) if (error := _spelling_error(tokens, at)) is not None]
    errors += _nesting_errors(tokens)
    if errors:
        raise ExpressionError(text, errors)
    try:
        return Syntax(text, _parse(text), tokens)
    except ParseError as error:
        raise ExpressionError(text, [_parsing_error(text, tokens, error)]) from None
    except RecursionError:
        raise ExpressionError(text, [(0, "the condition is nested too deeply")]) from None


def is_plain_name(name: str) -> bool:
    """Whether a feature of this name can stand in a condition without quotes, in every engine."""
    if name in RESERVED_WORDS:
        return False
    try:
        trees = [_parse(text) for text in (f"{name} = 1", f"{name}.status = 1")]
    except (ParseError, TokenError):
        return False
    return all(isinstance(tree, exp.EQ) and isinstance(tree.this, exp.Column) for tree in trees)


def _parse(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, into=exp.Condition, dialect=_DIALECT)


def _spelling_error(tokens: tuple[Token, ...], at: int) -> tuple[int, str] | None:
    """What is wrong with a token although the tree would accept it."""
    token = tokens[at]
    if token.comments:
        return token.start, f"no comments inside a condition (near {token.text!r}); two minus signs start one"
    if token.token_type is TokenType.SEMICOLON:
        return token.start, "unexpected ';': a condition is one expression"
    if token.text == "==":
        return token.start, "'==' is not in the grammar; write '='"
    if token.token_type is TokenType.NOT and token.text == "!":
        return token.start, "'!' is not in the grammar; write NOT"
    if token.token_type in (TokenType.ISNULL, TokenType.NOTNULL):
        return token.start, f"{token.text} is not in the grammar; write IS NULL or IS NOT NULL"
    if token.text == "," and at + 1 < len(tokens) and tokens[at + 1].text == ")":
        return token.start, "expected a value after ','"
    return None


def _nesting_errors(tokens: tuple[Token, ...]) -> list[tuple[int, str]]:
    """Errors for what is nested too deeply. It is counted here, because the parser itself would exhaust the stack."""
    depth = 0
    for token in tokens:
        if token.token_type in (TokenType.L_PAREN, TokenType.CASE):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.END):
            depth -= 1
        if depth > MAX_NESTING:
            return [(token.start, f"nested deeper than {MAX_NESTING} levels")]
    return []


def _tokenizing_error(text: str) -> tuple[int, str]:
    opened: tuple[int, str] | None = None
    for offset, character in enumerate(text):
        if opened is None and character in "'\"":
            opened = (offset, character)
        elif opened is not None and character == opened[1]:
            opened = None
    if opened is None:
        return 0, "the condition cannot be read"
    return opened[0], f"the text that starts here has no closing {opened[1]}"


def _parsing_error(text: str, tokens: tuple[Token, ...], error: ParseError) -> tuple[int, str]:
    """The place and a message in the words of the grammar for sqlglot's first error."""
    details: dict[str, Any] = error.errors[0] if error.errors else {}
    token = next((t for t in tokens if (t.line, t.col) == (details.get("line"), details.get("col"))), tokens[-1])
    description = str(details.get("description") or error).splitlines()[0]
    written = text[token.start : token.end + 1]
    if "Between" in description:
        return token.start, f"expected BETWEEN a AND b, found nothing more after {written!r}"
    if "'this'" in description:
        return _missing_left(tokens)
    if "keyword" in description:
        if token is tokens[-1] and written != ")":
            return token.start, f"expected {_OPERAND} after {written!r}"
        return token.start, f"expected {_OPERAND}, found {written!r}"
    if description.startswith("Expecting "):
        return token.start, f"expected {description.removeprefix('Expecting ')!r} after {written!r}"
    if description.startswith("Expected END"):
        return token.start, f"expected END of the CASE after {written!r}"
    return token.start, _unexpected(token, tokens, written)


def _unexpected(token: Token, tokens: tuple[Token, ...], written: str) -> str:
    if written.upper() == "IS":
        return "expected NULL or NOT NULL after IS"
    if token is tokens[0]:
        return f"expected a condition, found {written!r}"
    return f"unexpected {written!r}; expected an operator (= <> < <= > >= IN IS AND OR + - * /) or the end"


def _missing_left(tokens: tuple[Token, ...]) -> tuple[int, str]:
    """The first operator with nothing that it could apply to before it."""
    before = ("(", ",", "WHEN", "THEN", "ELSE", "NOT", *_BINARY)
    for previous, token in zip((None, *tokens), tokens, strict=False):
        if token.text.upper() in _BINARY and (previous is None or previous.text.upper() in before):
            return token.start, f"expected {_OPERAND} before {token.text!r}"
    return tokens[-1].start, f"expected {_OPERAND} after {tokens[-1].text!r}"
