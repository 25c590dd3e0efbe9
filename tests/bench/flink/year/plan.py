"""What is sent, how fast in event time, and the rules that it meets. All of it follows from a few numbers."""

from dataclasses import dataclass
from typing import Final

from segmentation.units import DAY, HOUR, MINUTE, SECOND, format_duration

#: 2026-01-01T00:00:00Z in µs.
START: Final = 1_767_225_600 * SECOND
#: The user whom nobody outnumbers, and the share of all events that are this user's.
HEAVY: Final = 0
HEAVY_SHARE: Final = 0.3
#: Parts of a tick that are made at a time.
BLOCKS: Final = 6


@dataclass(frozen=True)
class Stretch:
    """Some ticks of even traffic."""

    ticks: int
    #: Unique events a second of event time.
    rate: float


@dataclass(frozen=True)
class Spans:
    """The durations of the rules, µs."""

    tick: int
    window: int
    dwell: int
    deadline: int
    #: Without an event for longer, a user is gone. A number of hours that a double holds.
    gone: int


#: A week's rules settle by the hour, an hour's by the minute.
BY_HOUR: Final = Spans(HOUR, window=24 * HOUR, dwell=3 * HOUR, deadline=12 * HOUR, gone=24 * HOUR)
BY_MINUTE: Final = Spans(MINUTE, window=24 * MINUTE, dwell=3 * MINUTE, deadline=12 * MINUTE, gone=15 * MINUTE)


@dataclass(frozen=True)
class Plan:
    """Everything that decides what is sent. Times and durations are µs; two equal plans send the same bytes."""

    stretches: tuple[Stretch, ...]
    spans: Spans
    #: Users who begin in the first tick, and those who begin in each day of event time.
    first_users: int
    users_a_day: float
    start: int = START
    seed: int = 1
    #: The share of events that are sent again, from `repeat_least` to `repeat_most` after the first time.
    repeats: float = 0.01
    repeat_least: int = 2 * SECOND
    repeat_most: int = 20 * HOUR
    #: How far deliveries are out of order, less than the job's ``--max-disorder``.
    disorder: int = 9 * SECOND
    #: Rules have ``forget_after`` where it is given.
    forget_after: int | None = None

    @property
    def ticks(self) -> int:
        """Ticks of all stretches."""
        return sum(stretch.ticks for stretch in self.stretches)

    @property
    def end(self) -> int:
        """The last tick."""
        return self.start + self.ticks * self.spans.tick

    @property
    def events(self) -> int:
        """Unique events of all stretches."""
        return self.events_before(self.ticks * BLOCKS)

    @property
    def users(self) -> int:
        """Users of all stretches."""
        return self.users_at(self.end)

    def rate_of(self, tick: int) -> float:
        """Unique events a second in the tick of that number, from 0."""
        for stretch in self.stretches:
            if tick < stretch.ticks:
                return stretch.rate
            tick -= stretch.ticks
        raise IndexError(f"the plan has {self.ticks} ticks")

    def events_before(self, block: int) -> int:
        """Unique events of the blocks before that one, counted through: the number of its first event."""
        seconds = self.spans.tick / BLOCKS / SECOND
        total, left = 0.0, block
        for stretch in self.stretches:
            blocks = min(left, stretch.ticks * BLOCKS)
            total += blocks * seconds * stretch.rate
            left -= blocks
        return round(total)

    def events_at(self, time: int) -> int:
        """Unique events before a time, by the pace of their stretch."""
        block, rest = divmod(min(max(time - self.start, 0), self.end - self.start), self.spans.tick // BLOCKS)
        before = self.events_before(block)
        return before + round((self.events_before(block + 1) - before) * rest / (self.spans.tick // BLOCKS))

    def users_at(self, time: int) -> int:
        """Users who have begun by then."""
        since = time - self.start
        first = self.first_users * min(since, self.spans.tick) // self.spans.tick
        return first + int(self.users_a_day * since / DAY)


def year(scale: float, repeats: float = 0.01, forget_after: int | None = None, seed: int = 1) -> Plan:
    """A day at 1,000 events/s and seven at 150, with 100,000 new users a day; ``scale`` multiplies events and users."""
    return Plan(
        stretches=(Stretch(24, 1_000 * scale), Stretch(7 * 24, 150 * scale)),
        spans=BY_HOUR,
        first_users=max(2, round(100_000 * scale)),
        users_a_day=100_000 * scale,
        seed=seed,
        repeats=repeats,
        forget_after=forget_after,
    )


def hour(minutes: int, rate: float, start: int, repeats: float = 0.01, seed: int = 1) -> Plan:
    """So many minutes from ``start`` (µs, a multiple of a minute) on, as they pass on the clock."""
    return Plan(
        stretches=(Stretch(minutes, rate),),
        spans=BY_MINUTE,
        first_users=max(2, round(10 * rate)),
        users_a_day=48 * 10 * rate,
        start=start,
        seed=seed,
        repeats=repeats,
        repeat_most=20 * MINUTE,
    )


def rules_of(plan: Plan) -> str:
    """The rules file."""
    spans = plan.spans
    forget = "" if plan.forget_after is None else f"forget_after: {format_duration(plan.forget_after)}\n"
    return f"""version: 1
tick: {format_duration(spans.tick)}
population: {{minimum: 20}}
{forget}features:
  engagement:
    kind: rolling_score
    window: {format_duration(spans.window)}
    every: {format_duration(spans.tick)}
    weights: {{page_view: 1, feature_click: 3}}
  onboarding:
    kind: journey
    start: signup
    complete: {{all_of: [profile_completed, project_created]}}
    deadline: {format_duration(spans.deadline)}
  plan: {{kind: attribute, property: plan, keep: last, values: [free, pro]}}
  last_seen: {{kind: recency}}
segments:
  gone: {{when: hours_since(last_seen) > {spans.gone / HOUR:g}}}
  on_pro: {{when: plan = 'pro'}}
  onboarded: {{when: onboarding.status = 'completed_in_time'}}
  overdue: {{when: onboarding.status = 'overdue'}}
  power_user:
    when: percentile(engagement) >= 80
    until: percentile(engagement) < 70
    min_dwell: {format_duration(spans.dwell)}
  pro_power_user: {{when: "in_segment('on_pro') AND in_segment('power_user')"}}
"""
