"""How events reach the log: out of order within a bound, some twice, with malformed lines between them."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from pipeline.traffic.columns import Codes, Events, Ints
from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.vocabulary import CLIENTS, Name
from segmentation.units import SECOND

#: Exact redeliveries come at most this much later (or within the disorder, where that is longer).
_REDELIVERY = 30 * SECOND
#: Of the duplicates, those that carry the same event_id with other content.
_CONFLICTING = 0.05


class Kind(IntEnum):
    """What a line of the log is."""

    FIRST = 0
    REDELIVERY = 1
    #: The same event_id with other content; within the disorder bound, so that the order of arrival cannot decide.
    CONFLICTING = 2
    MALFORMED = 3


@dataclass(frozen=True)
class Deliveries:
    """The lines of a log in their order; every column has one entry per line."""

    #: Row of the event that the line carries (or that a malformed line was made from).
    event: Ints
    #: `Kind`.
    kind: Codes
    #: µs that a conflicting copy is stamped later than the event; else 0.
    restamped: Ints
    #: Random bits that decide how a malformed line is damaged.
    salt: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.event)

    def count(self, kind: Kind) -> int:
        """Lines of one kind."""
        return int(np.count_nonzero(self.kind == kind))


def deliver(occurred_at: Ints, options: TrafficOptions, random: np.random.Generator) -> Deliveries:
    """The order of lines for events at these times (µs): by arrival = time + uniform(0, disorder)."""
    count = len(occurred_at)
    delay = random.integers(0, options.disorder + 1, count) if options.disorder else np.zeros(count, np.int64)
    arrival = occurred_at + delay
    duplicated = np.flatnonzero(random.random(count) < options.duplicates)
    conflicts = random.random(len(duplicated)) < _CONFLICTING
    damaged = np.flatnonzero(random.random(count) < options.malformed)

    exact, conflicting = duplicated[~conflicts], duplicated[conflicts]
    exact_arrival = arrival[exact] + random.integers(1, max(_REDELIVERY, options.disorder) + 1, len(exact))
    slack = options.disorder - delay[conflicting]
    conflicting_arrival = arrival[conflicting] + _share_of(slack, random)
    damaged_arrival = arrival[damaged] + random.integers(0, SECOND, len(damaged))

    restamped = np.zeros(count + len(duplicated) + len(damaged), np.int64)
    restamped[count + len(exact) : count + len(duplicated)] = _share_of(delay[conflicting], random)
    order = np.argsort(np.concatenate([arrival, exact_arrival, conflicting_arrival, damaged_arrival]), kind="stable")
    kinds = np.repeat(np.arange(4, dtype=np.int8), [count, len(exact), len(conflicting), len(damaged)])
    return Deliveries(
        event=np.concatenate([np.arange(count), exact, conflicting, damaged])[order],
        kind=kinds[order],
        restamped=restamped[order],
        salt=random.integers(0, 2**32, len(order), dtype=np.uint32),
    )


def delivered(events: Events, deliveries: Deliveries, rows: slice) -> Events:
    """The events that these lines carry, with the content of conflicting copies changed."""
    source = deliveries.event[rows]
    taken = events.take(source)
    conflicting = deliveries.kind[rows] == Kind.CONFLICTING
    if not conflicting.any():
        return taken
    # A page view told again as a click changes the score: which copy is accepted must not depend on the order.
    name = np.where(conflicting & (taken.name == Name.PAGE_VIEW), np.int8(Name.FEATURE_CLICK), taken.name)
    client = np.where(conflicting, (taken.client + 1) % len(CLIENTS), taken.client).astype(np.int8)
    return Events(taken.user, name, taken.occurred_at + deliveries.restamped[rows], client, taken.payload)


def _share_of(amounts: Ints, random: np.random.Generator) -> Ints:
    """A uniformly drawn whole number in 0..amount for each amount."""
    return np.minimum((random.random(len(amounts)) * (amounts + 1)).astype(np.int64), amounts)
