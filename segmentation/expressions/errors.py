"""What can be wrong with a condition, and where in its text."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One error; line and column count from 1 within the text, ``offset`` from 0 in characters.

    >>> Fault(4, 1, 5, "unknown feature") < Fault(9, 1, 10, "unknown feature")
    True
    """

    offset: int
    line: int
    column: int
    message: str


class ExpressionError(ValueError):
    """A condition outside of the grammar or of the wrong types; ``faults`` are ordered by place.

    >>> error = ExpressionError("a > b", [(4, "unknown feature 'b'")])
    >>> error.faults
    (Fault(offset=4, line=1, column=5, message="unknown feature 'b'"),)
    >>> str(error)
    "1:5: unknown feature 'b'"
    """

    def __init__(self, text: str, errors: Iterable[tuple[int, str]]) -> None:
        self.text = text
        self.faults = tuple(_fault(text, offset, message) for offset, message in sorted(set(errors)))
        super().__init__("; ".join(f"{fault.line}:{fault.column}: {fault.message}" for fault in self.faults))


def _fault(text: str, offset: int, message: str) -> Fault:
    line_start = text.rfind("\n", 0, offset) + 1
    return Fault(offset, text.count("\n", 0, offset) + 1, offset - line_start + 1, message)
