"""The kinds of features that there are, in the order in which messages list them. A new kind is added here."""

from segmentation.features.attributes import Attribute
from segmentation.features.distinct_days import DistinctDays
from segmentation.features.journeys import Journey
from segmentation.features.kind import Feature
from segmentation.features.recency import Recency
from segmentation.features.rolling import RollingCount, RollingScore

KINDS: tuple[type[Feature], ...] = (RollingScore, RollingCount, Journey, Attribute, Recency, DistinctDays)
