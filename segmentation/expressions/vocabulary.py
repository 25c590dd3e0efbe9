"""The names that a condition may use: each feature's columns, their types and their closed values."""

from collections.abc import Mapping
from dataclasses import dataclass

from segmentation.expressions.nodes import Type
from segmentation.features.kinds import (
    JOURNEY_STATUSES,
    UNKNOWN,
    Attribute,
    DistinctDays,
    Feature,
    Journey,
    Recency,
    RollingCount,
    RollingScore,
)

JOURNEY_FIELDS: Mapping[str, Type] = {
    "status": Type.STRING,
    "started_at": Type.TIMESTAMP,
    "completed_at": Type.TIMESTAMP,
    "time_to_complete": Type.INTERVAL,
    "steps_done": Type.INTEGER,
}


@dataclass(frozen=True)
class ColumnType:
    """A column's type and, where its vocabulary is closed, every value it can hold."""

    type: Type
    values: tuple[str, ...] | None = None


def is_rolling(feature: Feature) -> bool:
    """Whether the feature has a percentile."""
    return isinstance(feature, RollingScore | RollingCount)


def kind_of(feature: Feature) -> str:
    """The feature's kind as the rules file writes it."""
    names = {RollingScore: "rolling_score", RollingCount: "rolling_count", DistinctDays: "distinct_days"}
    return names.get(type(feature), type(feature).__name__.lower())


def columns_of(feature: Feature) -> Mapping[str, ColumnType]:
    """The feature's columns by name, its percentile excepted."""
    name = feature.name
    match feature:
        case RollingScore() | RollingCount() | DistinctDays():
            return {name: ColumnType(Type.INTEGER)}
        case Recency():
            return {name: ColumnType(Type.TIMESTAMP)}
        case Attribute():
            return {name: _attribute_type(feature)}
        case Journey():
            return {
                f"{name}.{field}": ColumnType(type_, JOURNEY_STATUSES if field == "status" else None)
                for field, type_ in JOURNEY_FIELDS.items()
            }


def _attribute_type(attribute: Attribute) -> ColumnType:
    if attribute.keep == "max":
        return ColumnType(Type.DOUBLE)
    if attribute.keep == "set":
        return ColumnType(Type.INTEGER)
    return ColumnType(Type.STRING, None if attribute.values is None else (*attribute.values, UNKNOWN))
