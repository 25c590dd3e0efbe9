"""The shape of the traffic: sign-ups, the funnel, engagement, absences."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from pipeline.traffic.journeys import journey_events
from pipeline.traffic.users import draw_users
from pipeline.traffic.vocabulary import Name
from segmentation.units import DAY, HOUR
from tests.pipeline.traffic.logs import CLEAN, Event, Log


@pytest.fixture(scope="module")
def by_user(clean: Log) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in clean.events:
        found[event["user_id"]].append(event)
    return found


def completion(events: list[Event]) -> int | None:
    """µs from the first sign-up to the last onboarding step; None while a step is missing."""
    start: int = min(event["occurred_at"] for event in events if event["name"] == "signup")
    steps: dict[str, int] = {}
    for event in events:
        if event["occurred_at"] >= start and event["name"] in ("profile_completed", "project_created"):
            steps.setdefault(event["name"], event["occurred_at"])
    people: dict[str, int] = {}
    for event in events:
        if event["occurred_at"] >= start and event["name"] == "invite_sent":
            people.setdefault(event["properties"]["invitee"], event["occurred_at"])
    if len(steps) < 2 or len(people) < 3:
        return None
    end: int = max(*steps.values(), sorted(people.values())[2])
    return end - start


def signed_up(events: list[Event]) -> bool:
    return any(event["name"] == "signup" for event in events)


def test_funnel_has_fast_slow_and_lost_users(by_user: dict[str, list[Event]]) -> None:
    times = [completion(events) for events in by_user.values() if signed_up(events)]
    fast = sum(time is not None and time <= DAY for time in times)
    slow = sum(time is not None and time > DAY for time in times)
    assert fast > 0.08 * len(times)
    assert slow > 0.04 * len(times)
    assert times.count(None) > 0.3 * len(times)


def test_each_step_of_the_funnel_loses_users(by_user: dict[str, list[Event]]) -> None:
    new = [events for events in by_user.values() if signed_up(events)]
    reached = [
        sum(any(event["name"] == name for event in events) for events in new)
        for name in ("signup", "profile_completed", "project_created", "invite_sent")
    ]
    assert all(before > after for before, after in pairwise(reached))


def test_some_invite_the_same_person_twice(by_user: dict[str, list[Event]]) -> None:
    repeated = 0
    for events in by_user.values():
        people = Counter(event["properties"]["invitee"] for event in events if event["name"] == "invite_sent")
        repeated += any(count > 1 for count in people.values())
    assert repeated > 0


@pytest.mark.parametrize("beyond", [0, 1])
def test_some_complete_on_the_deadline_and_just_after(beyond: int) -> None:
    options = CLEAN.__class__(users=20_000, days=14, seed=3)
    users = draw_users(options, np.random.default_rng(1))
    events = journey_events(users, np.random.default_rng(2), options)
    invites = events.name == Name.INVITE_SENT
    since = events.occurred_at[invites] - users.joined[events.user[invites]]
    assert np.count_nonzero((since == DAY + beyond) & users.is_new[events.user[invites]]) > 0


def test_existing_users_never_sign_up(by_user: dict[str, list[Event]]) -> None:
    existing = [user for user in by_user if int(user[1:]) < 0.3 * CLEAN.users]
    assert len(existing) > 0.2 * CLEAN.users
    assert not any(signed_up(by_user[user]) for user in existing)
    assert any(event["name"] == "invite_sent" for user in existing for event in by_user[user])


def test_referral_sources_include_unknown_and_absent(clean: Log) -> None:
    sources = Counter(event["properties"].get("referral_source") for event in clean.events if event["name"] == "signup")
    assert set(sources) == {"organic", "paid", "referral", "social", "partner-x", None}
    assert sources["organic"] > sources["paid"] > sources["partner-x"]


def test_no_event_of_a_new_user_before_the_sign_up(by_user: dict[str, list[Event]]) -> None:
    for events in by_user.values():
        if signed_up(events):
            assert events[0]["name"] == "signup"


def test_engagement_is_heavy_tailed(by_user: dict[str, list[Event]]) -> None:
    counts = sorted((len(events) for events in by_user.values()), reverse=True)
    assert sum(counts[: len(counts) // 5]) > 0.5 * sum(counts)
    assert counts[0] > 10 * counts[len(counts) // 2]


def test_days_have_a_rhythm(clean: Log) -> None:
    hours = Counter(event["occurred_at"] % DAY // HOUR for event in clean.events)
    assert sum(hours[hour] for hour in range(11, 18)) > 3 * sum(hours[hour] for hour in range(7))


def test_weekends_are_quieter(clean: Log) -> None:
    # 2026-01-10 is a Saturday; the Thursday and Friday before it compare best in a growing log.
    days = Counter((event["occurred_at"] - CLEAN.start) // DAY for event in clean.events)
    assert days[9] + days[10] < days[7] + days[8]


def test_some_come_back_after_days(by_user: dict[str, list[Event]]) -> None:
    gaps = [
        max((b["occurred_at"] - a["occurred_at"] for a, b in pairwise(events)), default=0)
        for events in by_user.values()
    ]
    assert sum(gap > 3 * DAY for gap in gaps) > 0.1 * len(gaps)


def test_some_events_lie_on_the_edge_of_an_hour(clean: Log) -> None:
    assert sum(event["occurred_at"] % HOUR == 0 for event in clean.events) > 20
