"""What of an event the rules read: everything else is left behind where events are decoded."""

from dataclasses import dataclass

from segmentation.rules.model import Rules


@dataclass(frozen=True)
class PropertyPlan:
    """Properties by how they travel: ``plain`` as they are (column ``p:name``), ``sealed`` as keyed hashes
    (``h:name``).

    >>> PropertyPlan(plain=("plan",), sealed=("device",)).properties
    ('device', 'plan')
    """

    plain: tuple[str, ...]
    sealed: tuple[str, ...]

    @property
    def properties(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted({*self.plain, *self.sealed}))


def property_plan(rules: Rules) -> PropertyPlan:
    """The plan for a rules file. Values that are only ever counted as different (an invitee is a person) travel
    sealed."""
    parts = [feature.reads() for feature in rules.features.values()]
    plain = {name for part in parts for name in part.plain}
    sealed = {name for part in parts for name in part.sealed}
    return PropertyPlan(tuple(sorted(plain)), tuple(sorted(sealed)))


def touches(rules: Rules) -> tuple[str, ...]:
    """The properties whose first or last value counts: events that carry one need their id to break ties in time."""
    return tuple(sorted({name for feature in rules.features.values() for name in feature.reads().tied}))
