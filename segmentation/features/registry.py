"""Features: what is known of each user at every tick, computed from accepted events."""

from segmentation.features.attributes import DifferentState, LargestState, TouchState
from segmentation.features.distinct_days import DistinctDaysState
from segmentation.features.journeys import JourneyState
from segmentation.features.recency import RecencyState
from segmentation.features.rolling import RollingState
from segmentation.features.timeline import FeatureState
from segmentation.rules.model import Attribute, DistinctDays, Feature, Journey, Recency


def initial_state(feature: Feature, tick: int, lateness: int) -> FeatureState:
    """The empty state of a feature; ``lateness`` is how far before the last settled tick an event may still be
    accepted."""
    if isinstance(feature, Journey):
        return JourneyState(feature, lateness)
    if isinstance(feature, Recency):
        return RecencyState(feature)
    if isinstance(feature, DistinctDays):
        return DistinctDaysState(feature, lateness)
    if isinstance(feature, Attribute):
        if feature.keep == "max":
            return LargestState(feature)
        return DifferentState(feature) if feature.keep == "set" else TouchState(feature)
    return RollingState(feature, tick)
