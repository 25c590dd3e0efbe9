"""Where the nodes of sqlglot's tree stand in the text."""

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType


class Places:
    """A cursor over the tokens of a condition whose nodes are visited in the order of the text.

    sqlglot notes places only for names, functions and most literals; keywords are found as the next token of their
    type after the last place visited.

    >>> from segmentation.expressions.syntax import read
    >>> syntax = read("clicks > 1")
    >>> Places(syntax.tokens).following(TokenType.GT).start
    7
    """

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._by_start = {token.start: index for index, token in enumerate(tokens)}
        self._next = 0

    def noted(self, node: exp.Expr) -> Token | None:
        """The token that sqlglot noted for the node itself; moves the cursor behind it."""
        index = self._by_start.get(node.meta.get("start", -1))
        if index is None:
            return None
        self._next = index + 1
        return self._tokens[index]

    def following(self, *types: TokenType) -> Token | None:
        """The next token of one of the types; moves the cursor behind it."""
        for index in range(self._next, len(self._tokens)):
            if self._tokens[index].token_type in types:
                self._next = index + 1
                return self._tokens[index]
        return None

    def keyword(self, node: exp.Expr, *types: TokenType) -> int:
        """The offset of the node's keyword, the next token of one of the types, or of the node where there is none."""
        token = self.following(*types)
        return self.near(node) if token is None else token.start

    def near(self, node: exp.Expr) -> int:
        """The offset of the first noted place within the node, else of the cursor."""
        starts: list[int] = [below.meta["start"] for below in node.walk() if "start" in below.meta]
        if starts:
            return min(starts)
        return self._tokens[min(self._next, len(self._tokens) - 1)].start
