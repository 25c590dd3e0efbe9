"""What is wrong with a file that people write, and where."""

from collections.abc import Iterable
from dataclasses import dataclass

from segmentation.errors import UsageError


@dataclass(frozen=True, order=True)
class Problem:
    """One error of a file; line and column count from 1.

    >>> print(Problem("rules.yaml", 3, 7, "unknown key 'vershun'"))
    rules.yaml:3:7: unknown key 'vershun'
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """``file:line:column: message``, as editors and compilers write it."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class DocumentError(UsageError):
    """A file that can't be used; ``problems`` holds every error found, by place. Each kind of file has its subclass.

    >>> late, early = Problem("rules.yaml", 9, 1, "no segments"), Problem("rules.yaml", 2, 1, "no version")
    >>> DocumentError([late, early]).problems == (early, late)
    True
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
