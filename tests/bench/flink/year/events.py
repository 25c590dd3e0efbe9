"""The events of a plan, a block of a tick at a time, as columns; and the order in which they are delivered.

Deterministic: a block depends on the plan and its own number alone, so any part can be made anew without the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from segmentation.units import DAY
from tests.bench.flink.year.plan import BLOCKS, HEAVY, HEAVY_SHARE, Plan

Integers = npt.NDArray[np.int64]

#: What an event says: its name, the property ``plan`` where it has one, and its share. The first is of new users only.
KINDS: Final = (
    ("signup", "free", 0.0),
    ("page_view", None, 0.70),
    ("feature_click", None, 0.22),
    ("profile_completed", None, 0.03),
    ("project_created", None, 0.03),
    ("plan_changed", "free", 0.008),
    ("plan_changed", "pro", 0.008),
    ("plan_changed", "trial", 0.004),
)
SIGNUP: Final = 0
#: Of the events of others than the heavy user: from users of the last days, and from any user there ever was. The
#: rest are of users who began lately.
_LATELY: Final = 0.25
_EVER: Final = 0.005


@dataclass(frozen=True)
class Events:
    """Events as columns of one length."""

    #: Counted through the plan from 0; the event's id.
    number: Integers
    user: Integers
    #: µs.
    time: Integers
    #: Place in `KINDS`.
    kind: npt.NDArray[np.uint8]
    #: When it is delivered, µs of event time.
    arrival: Integers

    def __len__(self) -> int:
        return len(self.number)

    def at(self, chosen: npt.NDArray[np.generic]) -> "Events":
        """Those rows."""
        return Events(*(getattr(self, each.name)[chosen] for each in fields(self)))


def joined(parts: list[Events]) -> Events:
    """All rows of all parts."""
    return Events(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Events)))


def block_of(plan: Plan, block: int) -> Events:
    """The unique events of a block, in the order of their times, of which no two are equal."""
    chance = np.random.default_rng([plan.seed, block])
    first, size = plan.events_before(block), plan.events_before(block + 1) - plan.events_before(block)
    length = plan.spans.tick // BLOCKS
    begin = plan.start + block * length
    cell = length // max(size, 1)
    time = begin + np.arange(size) * cell + chance.integers(0, cell, size)
    user = _users(plan, chance, time)
    shares = np.cumsum([share for _, _, share in KINDS])
    kind = np.searchsorted(shares, chance.random(size, dtype=np.float32) * shares[-1], side="right").astype(np.uint8)
    before, after = plan.users_at(begin), plan.users_at(begin + length)
    if after - before > size:
        raise ValueError(f"block {block} has {after - before} new users, but {size} events")
    begun = (np.arange(after - before) * size + size // 2) // max(after - before, 1)
    user[begun], kind[begun] = np.arange(before, after), SIGNUP
    arrival = time + chance.integers(0, plan.disorder + 1, size)
    return Events(first + np.arange(size), user, time, kind, arrival)


def _users(plan: Plan, chance: np.random.Generator, time: Integers) -> Integers:
    size = len(time)
    length = plan.spans.tick // BLOCKS
    begin = time[0] // length * length if size else 0
    low, high = plan.users_at(begin), plan.users_at(begin + length)
    known = np.maximum(low + (time - begin) * (high - low) // length, 1)
    drawn = chance.random(size, dtype=np.float32)
    day = max(plan.users_a_day * plan.spans.window / DAY, 1.0)
    lag = (chance.standard_exponential(size, dtype=np.float32) * (day / 2)).astype(np.int64)
    lately = drawn < HEAVY_SHARE + (1 - HEAVY_SHARE) * _LATELY
    lag[lately] = (chance.random(int(lately.sum()), dtype=np.float32) * (1.5 * day)).astype(np.int64)
    far = (lag >= known) | (drawn > 1 - (1 - HEAVY_SHARE) * _EVER)
    lag[far] = (chance.random(int(far.sum())) * known[far]).astype(np.int64)
    user = known - 1 - lag
    user[drawn < HEAVY_SHARE] = HEAVY
    return user


def repeated(plan: Plan, events: Events, block: int) -> Events:
    """What of a block is sent again, and when. Every other one comes with the time of its second sending."""
    chance = np.random.default_rng([plan.seed, block, 1])
    again = events.at(np.flatnonzero(chance.random(len(events), dtype=np.float32) < plan.repeats))
    spread = np.log(plan.repeat_most / plan.repeat_least)
    delay = (plan.repeat_least * np.exp(chance.random(len(again)) * spread)).astype(np.int64)
    stamped = chance.random(len(again)) < 0.5
    return Events(again.number, again.user, again.time + delay * stamped, again.kind, again.arrival + delay)


def deliveries(plan: Plan) -> Iterator[Events]:
    """Everything that is sent, in order of arrival: a part for each block, and what is left at the end.

    What would be sent again after the end of the plan is left out.
    """
    length = plan.spans.tick // BLOCKS
    waiting = block_of(plan, 0).at(np.empty(0, np.int64))
    for block in range(plan.ticks * BLOCKS):
        unique = block_of(plan, block)
        again = repeated(plan, unique, block)
        waiting = joined([waiting, unique, again.at(np.flatnonzero(again.arrival < plan.end))])
        due = waiting.arrival < plan.start + (block + 1) * length
        yield _in_order(waiting.at(np.flatnonzero(due)))
        waiting = waiting.at(np.flatnonzero(~due))
    yield _in_order(waiting)


def _in_order(events: Events) -> Events:
    return events.at(np.argsort(events.arrival, kind="stable"))
