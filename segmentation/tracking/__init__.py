"""From events to features: each event once, in its tick, into one shard's table of users.

The stage `TrackUsers` without Beam: `Tracker` keeps one shard's events and features. May enter: what accepts, holds
back or counts events. May not: how bytes become events, and what one kind of feature makes of them (`features`).
"""

from typing import Final

from segmentation.units import DAY

#: How long (µs of event time) after an accepted event another one with its id is its duplicate; the default.
DUPLICATES_WITHIN: Final = DAY
