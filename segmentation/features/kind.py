"""The contract of a feature kind: what one class, in one file, tells the rest of the project about itself.

The stages ask these questions only; none of them knows which kinds there are (`segmentation.features.registry`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.growing import grown
from segmentation.expressions.scope import ColumnType
from segmentation.expressions.values import Values
from segmentation.features.reading import KeyReader
from segmentation.features.timeline import Events, Span, Updates


@dataclass(frozen=True)
class EventParts:
    """What of an event a feature reads; all else is left behind where events are decoded.

    >>> EventParts(names=("signup",), plain=("plan",)).sealed
    ()
    """

    names: tuple[str, ...] = ()  #: the event names that it tells apart
    plain: tuple[str, ...] = ()  #: properties whose values it reads as they are
    sealed: tuple[str, ...] = ()  #: properties whose values are only compared: they travel as keyed hashes
    tied: tuple[str, ...] = ()  #: those of ``plain`` whose events need their id as well, to break ties in time


@dataclass(frozen=True)
class Deadline:
    """A moment at which ``column`` changes by itself: ``after`` µs past the stored time ``since``, unless the stored
    time ``unless`` is there by then.

    >>> day = 86_400_000_000
    >>> Deadline("onboarding.status", "onboarding.started_at", day, "onboarding.completed_at").after == day
    True
    """

    column: str
    since: str
    after: int
    unless: str


@dataclass(frozen=True)
class Measured:
    """A feature whose percentile is taken at every multiple of ``every`` µs, from the stored ``column``.

    >>> Measured("engagement", "engagement", 3_600_000_000).column
    'engagement'
    """

    name: str
    column: str
    every: int


@dataclass(frozen=True)
class Advance:
    """What a span changes; nothing of the state has moved until ``settle`` is called, if it ever is.

    >>> import numpy as np
    >>> done = []
    >>> advance = Advance(Updates(np.array([1]), {"clicks": np.array([5])}), lambda: done.append("settled"))
    >>> done
    []
    >>> advance.settle()
    >>> done
    ['settled']
    """

    changes: Updates
    settle: Callable[[], None]


class FeatureState(ABC):
    """What a feature keeps of its users between advances. Users are row numbers ``0 … n - 1`` of the shard's table."""

    @abstractmethod
    def grow(self, users: int) -> None:
        """Make room for ``users`` rows. Called before every advance."""

    @abstractmethod
    def advance(self, events: Events, span: Span, only: Bool | None = None, /) -> Advance:
        """What changes if ``events`` count and time moves to the end of ``span``.

        ``only`` marks the users that the events are of and that changes are asked for; None: all of them. An advance of
        some users must not be settled.
        """

    @abstractmethod
    def keep(self, rows: I64) -> None:
        """Keep these users only, and number them anew: row ``rows[i]`` becomes row ``i``.

        All that is kept of the others is gone. Called between advances, after `grow`; ``rows`` are distinct, in any
        order.
        """

    @abstractmethod
    def join(self, other: Self) -> None:
        """Take in the users of another state of the same feature, settled at the same tick, behind the own ones.

        Called between advances, after `grow` of both; ``other`` must not be used any more.
        """

    @abstractmethod
    def current(self) -> dict[str, Column]:
        """The stored columns (`Feature.stored`, `Measured.column`) at the last settled tick, one value per user. The
        caller only reads them."""

    @abstractmethod
    def tables(self) -> dict[str, pl.DataFrame]:
        """All of the state as tables. Their names and columns last: savepoints hold them."""

    @abstractmethod
    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""

    def texts(self) -> Sequence[str] | None:
        """The text of each code, where the stored column holds codes; None where it holds values."""
        return None


class StoredState(FeatureState, ABC):
    """A state whose stored columns are arrays of its own, ``_values``; ``stored`` names them, with "nothing yet"."""

    def __init__(self, stored: Mapping[str, int | float]) -> None:
        self._stored = stored
        self._values: dict[str, Column] = {name: np.full(0, nothing) for name, nothing in stored.items()}

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._values = {name: grown(values, users, self._stored[name]) for name, values in self._values.items()}

    def keep(self, rows: I64) -> None:
        """Keep these users only; see `FeatureState.keep`."""
        self._values = {name: values[rows] for name, values in self._values.items()}

    def join(self, other: Self) -> None:
        """Take in the users of another state; see `FeatureState.join`."""
        self._values = {name: np.append(values, other._values[name]) for name, values in self._values.items()}

    def current(self) -> dict[str, Column]:
        """The stored columns."""
        return self._values

    @property
    def users(self) -> int:
        """For how many users there is room."""
        return len(next(iter(self._values.values())))


@dataclass(frozen=True)
class Feature(ABC):
    """A feature of a rules file. A kind is a subclass: frozen, and with its settings as fields (times in µs).

    The fields are part of the fingerprint of the rules, so a rename or a new default makes all rules look changed.
    """

    #: The kind as the rules file writes it.
    kind: ClassVar[str]
    #: The keys it may have in the rules file besides ``kind``, and those that it must have.
    keys: ClassVar[tuple[str, ...]]
    needed: ClassVar[tuple[str, ...]] = ()
    #: Whether ``percentile()`` takes it; `measured` then tells how.
    has_percentile: ClassVar[bool] = False

    name: str

    @classmethod
    @abstractmethod
    def read(cls, name: str, keys: KeyReader) -> Self:
        """The feature that the rules file describes. Errors are reported to ``keys``, with a stand-in for the value, so
        that conditions can be checked all the same."""

    @abstractmethod
    def reads(self) -> EventParts:
        """What of an event it reads."""

    @abstractmethod
    def columns(self) -> Mapping[str, ColumnType]:
        """The columns that conditions may name: ``name``, or ``name.field`` for each field.

        A TIMESTAMP must be stored under the same name, with `NO_TIME` for NULL, so that ages are found when due.
        """

    @abstractmethod
    def stored(self) -> Mapping[str, int | float]:
        """The stored columns from which `values_of` makes those of conditions, with what stands for "nothing yet"."""

    @abstractmethod
    def values_of(self, stored: Mapping[str, Column], ticks: I64, texts: Sequence[str]) -> dict[str, Values]:
        """The columns of conditions from the stored ones.

        Args:
            stored: one value per row, of the columns that `stored` names and possibly of others.
            ticks: the tick of each row, µs.
            texts: the text of each code, where `FeatureState.texts` tells them.
        """

    @abstractmethod
    def state(self, tick: int, lateness: int) -> FeatureState:
        """The empty state; ``lateness`` is how far (µs) before the last settled tick an event may still be accepted."""

    def deadlines(self) -> tuple[Deadline, ...]:
        """The moments at which a column changes although no event arrives and no stored column changes."""
        return ()

    def measured(self, tick: int) -> Measured | None:  # noqa: ARG002  # of no use where there is no percentile
        """How its percentile is taken; None where it has none."""
        return None
