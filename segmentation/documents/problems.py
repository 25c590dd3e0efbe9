"""What is wrong with a rules file, and where."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One error of a rules file; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """``file:line:column: message``, as editors and compilers write it."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class RulesError(ValueError):
    """A rules file that cannot be used; ``problems`` holds every error found, by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
