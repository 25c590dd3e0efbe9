"""Deliveries as records of a topic: many events of one partition each, in the order in which they are sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.flink.topics import PARTITIONS
from tests.bench.flink.year.events import Events, Integers, deliveries, joined
from tests.bench.flink.year.lines import lines_of
from tests.bench.flink.year.plan import Plan

#: Spreads the numbers of users over partitions (Knuth's multiplicative hash).
_SPREAD: Final = 2_654_435_761


@dataclass(frozen=True)
class Sending:
    """A record. ``time`` is the latest of its events', ``arrival`` when the last of them is due, both µs."""

    partition: int
    value: bytes
    time: int
    arrival: int
    events: int
    #: The numbers of its events.
    numbers: Integers


def partition_of(users: Integers) -> Integers:
    """The partition to which each user's events go."""
    return (users * _SPREAD % 2**32 >> 16) % PARTITIONS


def sendings(plan: Plan, batch: int) -> Iterator[Sending]:
    """All records of a plan, ``batch`` events in each but the last of a partition."""
    queues: list[list[Events]] = [[] for _ in range(PARTITIONS)]
    for part in deliveries(plan):
        found: list[Sending] = []
        places = partition_of(part.user)
        for partition, queue in enumerate(queues):
            queue.append(part.at(np.flatnonzero(places == partition)))
            waiting = joined(queue)
            whole = len(waiting) // batch * batch
            found += _cut(waiting.at(np.arange(whole)), partition, batch)
            queue[:] = [waiting.at(np.arange(whole, len(waiting)))]
        yield from sorted(found, key=lambda sending: sending.arrival)
    for partition, queue in enumerate(queues):
        yield from _cut(joined(queue), partition, batch)


def finish(plan: Plan, again: int = 0) -> Iterator[Sending]:
    """Heartbeats that say that the plan is over, and let its last tick settle; ``again`` counts repetitions."""
    value = b'{"event_id":"end","name":"heartbeat","occurred_at":%d}' % (plan.end - 1)
    time = plan.end + (1 + again) * plan.spans.tick
    for partition in range(PARTITIONS):
        yield Sending(partition, value, time, plan.end, 0, np.empty(0, np.int64))


def _cut(events: Events, partition: int, batch: int) -> Iterable[Sending]:
    if not len(events):
        return
    lines = lines_of(events)
    starts = np.arange(0, len(events), batch)
    times = np.maximum.reduceat(events.time, starts).tolist()
    arrivals = np.maximum.reduceat(events.arrival, starts).tolist()
    for start, time, arrival in zip(starts.tolist(), times, arrivals, strict=True):
        end = min(start + batch, len(events))
        value = lines.between(start, end)
        yield Sending(partition, value, time, arrival, end - start, events.number[start:end])
