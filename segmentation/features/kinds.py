"""What a feature of a rules file can be: one frozen dataclass per kind. Times are in microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: Events that steer the pipeline itself; they never count in any feature.
RESERVED_EVENTS = frozenset({"consent", "erase", "heartbeat", "identify"})

#: What a closed attribute holds for a value outside of its vocabulary.
UNKNOWN = "unknown"

JOURNEY_STATUSES = ("not_started", "in_progress", "completed_in_time", "overdue", "completed_late")


@dataclass(frozen=True)
class RollingScore:
    """The sum of the weights of the events in a window that slides by ``every``."""

    name: str
    window: int
    every: int
    weights: Mapping[str, int]
    default_weight: int = 0


@dataclass(frozen=True)
class RollingCount:
    """The number of events in a window that slides by ``every``; no names in ``events`` means every event."""

    name: str
    window: int
    every: int
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A journey's step: ``at_least`` events, or that many different values of the property ``distinct``."""

    event: str
    at_least: int = 1
    distinct: str | None = None


@dataclass(frozen=True)
class Journey:
    """From the first ``start`` event to all (or any) of the steps, within ``deadline`` microseconds if there is one."""

    name: str
    start: str
    steps: tuple[Step, ...]
    mode: Literal["all_of", "any_of"] = "all_of"
    deadline: int | None = None


@dataclass(frozen=True)
class Attribute:
    """What a property of the user's events says; with ``values`` all others become `UNKNOWN`.

    ``first`` and ``last`` go by event time, ``max`` is the largest number, ``set`` the number of different values.
    """

    name: str
    property: str
    keep: Literal["first", "last", "max", "set"] = "last"
    values: tuple[str, ...] | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recency:
    """The time of the user's latest event; no names in ``events`` means any event."""

    name: str
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class DistinctDays:
    """The number of UTC days with an event, within ``window`` (a multiple of a day) or ever."""

    name: str
    window: int | None = None
    events: tuple[str, ...] = ()


Feature: TypeAlias = RollingScore | RollingCount | Journey | Attribute | Recency | DistinctDays
