"""The settled changes of a plan by plain array operations over all users at every tick, written from the definitions.

It shares no code with the product, and knows only the rules of `plan.rules_of`. It is itself compared with the oracle
in SQL, which can't take so many events. Repeats of events are left out from the start: the plan knows them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tests.bench.flink.year.events import KINDS, SIGNUP, Events, Integers, block_of
from tests.bench.flink.year.plan import BLOCKS, Plan

Flags = npt.NDArray[np.bool_]

#: By name, as the definitions order them.
SEGMENTS: Final = ("gone", "on_pro", "onboarded", "overdue", "power_user", "pro_power_user")
#: In the order in which changes of one tick are counted.
ACTIONS: Final = ("EXITED", "ENTERED")
_MINIMUM: Final = 20
_NEVER: Final = np.iinfo(np.int64).max
_WEIGHTS: Final = np.array([{"page_view": 1, "feature_click": 3}.get(name, 0) for name, _, _ in KINDS])
_PROFILE, _PROJECT = (
    next(i for i, kind in enumerate(KINDS) if kind[0] == name) for name in ("profile_completed", "project_created")
)
_PLANNED: Final = np.array([plan is not None for _, plan, _ in KINDS])
_PRO: Final = np.array([plan == "pro" for _, plan, _ in KINDS])


@dataclass(frozen=True)
class Changes:
    """Settled changes as columns of one length."""

    user: Integers
    #: Places in `SEGMENTS` and `ACTIONS`.
    segment: Integers
    action: Integers
    #: µs.
    tick: Integers
    sequence: Integers
    #: A bit for each segment that the user is in afterwards.
    memberships: Integers

    def __len__(self) -> int:
        return len(self.user)


@dataclass
class _World:
    """All users, by number, at a tick. Times are µs, `_NEVER` what has not happened."""

    plan: Plan
    panes: npt.NDArray[np.int32] = field(init=False)
    score: Integers = field(init=False)

    def __post_init__(self) -> None:
        users = self.plan.users
        self.panes = np.zeros((self.plan.spans.window // self.plan.spans.tick, users), np.int32)
        self.score = np.zeros(users, np.int64)
        self.seen = np.zeros(users, bool)
        self.last_seen, self.sequence, self.mask = (np.zeros(users, np.int64) for _ in range(3))
        self.since = np.zeros(users, np.int64)  # of power_user
        self.pro = np.zeros(users, bool)
        self.started, self.profile, self.project = (np.full(users, _NEVER) for _ in range(3))

    def take(self, number: int, parts: list[Events]) -> None:
        """Takes in the events of a tick, which are in the order of time."""
        pane = self.panes[number % len(self.panes)]
        self.score -= pane
        pane[:] = 0
        for events in parts:
            pane += np.bincount(events.user, _WEIGHTS[events.kind], len(pane)).astype(np.int32)
            self._take_properties(events)
        self.score += pane

    def _take_properties(self, events: Events) -> None:
        self.seen[events.user] = True
        self.last_seen[events.user] = events.time  # of equal indices the last one stays
        planned = _PLANNED[events.kind]
        self.pro[events.user[planned]] = _PRO[events.kind[planned]]
        signed = events.kind == SIGNUP
        self._earliest(self.started, events.user[signed], events.time[signed])
        for step, kind in ((self.profile, _PROFILE), (self.project, _PROJECT)):
            counts = (events.kind == kind) & (events.time >= self.started[events.user])
            self._earliest(step, events.user[counts], events.time[counts])

    @staticmethod
    def _earliest(column: Integers, users: Integers, times: Integers) -> None:
        new = column[users] == _NEVER
        column[users[new][::-1]] = times[new][::-1]

    def forget(self, tick: int) -> None:
        """Users without an event for so long are as if they had never been, but for their sequence."""
        after = self.plan.forget_after
        if after is None:
            return
        old = np.flatnonzero(self.seen & (tick - self.last_seen >= after))
        self.seen[old] = self.pro[old] = False
        for column in (self.started, self.profile, self.project):
            column[old] = _NEVER

    def memberships(self, tick: int) -> Integers:
        """Who is in which segment at a tick, after who was at the one before."""
        spans = self.plan.spans
        percentile = self._percentiles()
        was = self.mask >> SEGMENTS.index("power_user") & 1 == 1
        stays = (percentile >= 70) | (tick - self.since < spans.dwell)
        power = self.seen & np.where(was, stays, percentile >= 80)
        self.since[power & ~was] = tick
        done = np.maximum(self.profile, self.project)
        due = np.where(self.started == _NEVER, _NEVER, self.started + spans.deadline)
        holds: dict[str, Flags] = {
            "gone": self.seen & (tick - self.last_seen > spans.gone),
            "on_pro": self.pro,
            "onboarded": (done != _NEVER) & (done <= due),
            "overdue": (done == _NEVER) & (due < tick),
            "power_user": power,
            "pro_power_user": self.pro & power,
        }
        return np.sum([holds[name].astype(np.int64) << place for place, name in enumerate(SEGMENTS)], axis=0)

    def _percentiles(self) -> npt.NDArray[np.float64]:
        """-1 where there is none: no comparison of the rules holds for it."""
        found = np.full(len(self.score), -1.0)
        ranked = np.flatnonzero(self.score > 0)
        if len(ranked) >= _MINIMUM:
            ordered = np.sort(self.score[ranked])
            lower = np.searchsorted(ordered, self.score[ranked], side="left")
            found[ranked] = (100 * lower) / (len(ranked) - 1)
        return found

    def move(self, tick: int, memberships: Integers) -> Iterator[Changes]:
        """The changes that lead to these memberships, which they are from now on."""
        moved = np.flatnonzero(self.mask != memberships)
        now, then = self.mask[moved], memberships[moved]
        for action in range(len(ACTIONS)):
            for place in range(len(SEGMENTS)):
                bit = 1 << place
                chosen = np.flatnonzero((now ^ then) & bit & (then if ACTIONS[action] == "ENTERED" else ~then))
                users = moved[chosen]
                now[chosen] ^= bit
                self.sequence[users] += 1
                same = [np.full(len(users), value) for value in (place, action, tick)]
                yield Changes(users, *same, self.sequence[users], now[chosen])
        self.mask[moved] = then


def expected_changes(plan: Plan) -> Changes:
    """All settled changes of a plan, by tick, and within one as they are counted."""
    world = _World(plan)
    parts: list[Changes] = []
    for number in range(plan.ticks):
        tick = plan.start + (number + 1) * plan.spans.tick
        world.take(number, [block_of(plan, number * BLOCKS + part) for part in range(BLOCKS)])
        world.forget(tick)
        parts += world.move(tick, world.memberships(tick))
    columns = ("user", "segment", "action", "tick", "sequence", "memberships")
    return Changes(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))
