"""The plain benchmark log."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.traffic.options import DEFAULT_START
from pipeline.traffic.zipf import zipf_events
from segmentation.units import DAY
from tests.pipeline.traffic.logs import REQUIRED, Event

EVENTS, USERS, DAYS = 30_000, 2_000, 14


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    path = tmp_path_factory.mktemp("zipf") / "events.jsonl"
    summary = zipf_events(EVENTS, USERS, DAYS, 1, str(path))
    with path.open() as file:
        found = [json.loads(line) for line in file]
    assert dict(Counter(event["name"] for event in found)) == summary.names
    assert len({event["user_id"] for event in found}) == summary.users
    assert summary.lines == summary.events == len(found)
    return found


def test_every_event_is_distinct_and_well_formed(events: list[Event]) -> None:
    assert len({event["event_id"] for event in events}) == EVENTS
    assert all(event[field] for event in events for field in REQUIRED)


def test_times_rise_through_the_days_asked_for(events: list[Event]) -> None:
    times = [event["occurred_at"] for event in events]
    assert all(a <= b for a, b in pairwise(times))
    assert DEFAULT_START <= times[0] < times[-1] < DEFAULT_START + DAYS * DAY
    assert times[-1] - times[0] > 0.99 * DAYS * DAY


def test_users_follow_zipf(events: list[Event]) -> None:
    ranked = [count for _, count in Counter(event["user_id"] for event in events).most_common()]
    assert ranked[0] / ranked[9] == pytest.approx(10, rel=0.3)


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    logs = []
    for number, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{number}.jsonl"
        zipf_events(1_000, 100, 1, seed, str(path))
        logs.append(path.read_bytes())
    assert logs[0] == logs[1] != logs[2]


def test_one_event_of_one_user(tmp_path: Path) -> None:
    summary = zipf_events(1, 1, 1, 1, str(tmp_path / "one.jsonl"))
    assert summary.first == summary.last
    assert summary.users == 1


def test_log_of_several_pieces_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    zipf_events(200_001, 50, 1, 1, str(path))
    assert path.read_bytes().count(b"\n") == 200_001
