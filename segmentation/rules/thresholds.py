"""What the conditions of all segments together ask of percentiles and of ages, and the columns that features store."""

from segmentation.expressions import age_thresholds, percentile_thresholds
from segmentation.features.kind import Measured
from segmentation.rules.model import Rules


def merged_thresholds(rules: Rules, thresholds: str) -> dict[str, frozenset[float] | None]:
    """Over all conditions: the literals that each percentile (or age) is compared with; None where every change
    matters."""
    read = {"percentile": percentile_thresholds, "age": age_thresholds}[thresholds]
    result: dict[str, frozenset[float] | None] = {}
    for segment in rules.segments.values():
        for condition in (segment.when, segment.until):
            if condition is None:
                continue
            for name, literals in read(condition).items():
                known = result.get(name, frozenset())
                result[name] = None if literals is None or known is None else known | literals
    return result


def measured_features(rules: Rules) -> list[Measured]:
    """The features whose percentile some condition reads, in the order of the rules."""
    names = merged_thresholds(rules, "percentile")
    measured = (feature.measured(rules.tick) for name, feature in rules.features.items() if name in names)
    return [each for each in measured if each is not None]


def stored_columns(rules: Rules) -> dict[str, int | float]:
    """The stored columns of all features, with the value that stands for "nothing yet"."""
    result: dict[str, int | float] = {}
    for feature in rules.features.values():
        result |= feature.stored()
        measured = feature.measured(rules.tick)
        if measured is not None:
            result.setdefault(measured.column, 0)
    return result
