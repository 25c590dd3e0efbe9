"""When the stages tick: event-time instants of timers and windows, in one place because they have to fit together.

Beam's runners keep milliseconds. Live, a shard settles tick T when its timer at T + max_disorder fires; what it emits
then carries that timestamp, so the population of T fills a window that ends one millisecond later, and memberships
settle one millisecond after that. Bounded input is settled in one go when all of it has arrived: its timers stand at
a fixed instant in the far future, which event time reaches only when the input ends.
"""

from dataclasses import dataclass

from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Duration, Timestamp

from segmentation.tracking import DUPLICATES_WITHIN
from segmentation.units import MILLISECOND, MINUTE

#: 2200-01-01T00:00:00Z, µs: later than any event, earlier than Beam's end of time.
_END_OF_INPUT = 7_258_118_400_000_000


@dataclass(frozen=True)
class Timing:
    """How a run ticks.

    Args:
        bounded: all input arrives before anything settles.
        max_disorder: µs that events may come out of order; 0 for bounded input.
        until: the last tick (µs) to settle, whatever the clock says; None: the clock decides.
        duplicates_within: µs of event time after an accepted event within which another one with its id is its
            duplicate.

    >>> timing = Timing(bounded=False, max_disorder=10_000_000)
    >>> timing.track_at(300_000_000), timing.assign_at(300_000_000)
    (Timestamp(310), Timestamp(310.002000))
    """

    bounded: bool
    max_disorder: int = 0
    until: int | None = None
    duplicates_within: int = DUPLICATES_WITHIN

    def track_at(self, tick: int) -> Timestamp:
        """When features of ``tick`` (µs) are settled."""
        return Timestamp(micros=_END_OF_INPUT if self.bounded else tick + self.max_disorder)

    def assign_at(self, tick: int) -> Timestamp:
        """When memberships of ``tick`` (µs) are settled: after its population."""
        return self.track_at(tick) + Duration(micros=2 * MILLISECOND)

    def population_windows(self) -> FixedWindows:
        """Windows of which one ends just after each instant of `track_at`."""
        offset = (0 if self.bounded else self.max_disorder % MINUTE) + MILLISECOND
        return FixedWindows(size=Duration(micros=MINUTE), offset=Timestamp(micros=offset))
