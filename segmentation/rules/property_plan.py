"""What of an event the rules read: everything else is left behind where events are decoded."""

from dataclasses import dataclass

from segmentation.rules.model import Attribute, Journey, Rules


@dataclass(frozen=True)
class PropertyPlan:
    """Properties by how they travel: ``plain`` as they are (column ``p:name``), ``sealed`` as keyed hashes
    (``h:name``)."""

    plain: tuple[str, ...]
    sealed: tuple[str, ...]

    @property
    def properties(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted({*self.plain, *self.sealed}))


def property_plan(rules: Rules) -> PropertyPlan:
    """The plan for a rules file. Values that are only ever counted as different (an invitee is a person) travel
    sealed."""
    plain: set[str] = set()
    sealed: set[str] = set()
    for feature in rules.features.values():
        if isinstance(feature, Attribute):
            (sealed if feature.keep == "set" and feature.values is None else plain).add(feature.property)
        if isinstance(feature, Journey):
            sealed.update(step.distinct for step in feature.steps if step.distinct is not None)
    return PropertyPlan(tuple(sorted(plain)), tuple(sorted(sealed)))


def touches(rules: Rules) -> tuple[str, ...]:
    """The properties whose first or last value counts: events that carry one need their id to break ties in time."""
    features = (feature for feature in rules.features.values() if isinstance(feature, Attribute))
    return tuple(sorted({feature.property for feature in features if feature.keep in ("first", "last")}))
