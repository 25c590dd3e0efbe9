"""What a condition may name: features, their columns and the types of these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from segmentation.expressions.nodes import Type


@dataclass(frozen=True)
class ColumnType:
    """A column's type and, where its vocabulary is closed, every value it can hold.

    >>> ColumnType(Type.STRING, ("organic", "paid")).values
    ('organic', 'paid')
    """

    type: Type
    values: tuple[str, ...] | None = None


class NamedFeature(Protocol):
    """What checking a condition needs to know of a feature."""

    #: The kind as the rules file writes it.
    kind: ClassVar[str]
    #: Whether ``percentile()`` takes it.
    has_percentile: ClassVar[bool]

    @property
    def name(self) -> str:
        """The feature's name in the rules file."""

    def columns(self) -> Mapping[str, ColumnType]:
        """The columns by name: the feature's own name, or ``name.field`` for each of its fields."""
