"""What a plan sends: how much, of whom, how often, and in what order."""

import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from segmentation.units import HOUR, SECOND
from tests.bench.flink.year.events import block_of, deliveries, joined
from tests.bench.flink.year.plan import BLOCKS, HEAVY, HEAVY_SHARE, year
from tests.bench.flink.year.records import sendings

PLAN = year(0.001, repeats=0.05)


def test_a_whole_year_has_the_events_and_users_that_it_says() -> None:
    plan = year(1.0)
    assert plan.events_before(24 * BLOCKS) == 86_400_000
    assert plan.events - 86_400_000 == 7 * 12_960_000
    assert plan.users_at(plan.end) - plan.users_at(plan.end - 24 * HOUR) == 100_000
    assert [plan.rate_of(tick) for tick in (0, 23, 24, plan.ticks - 1)] == [1_000, 1_000, 150, 150]
    assert plan.events_at(plan.start + 24 * HOUR) == 86_400_000


def test_unique_events_are_numbered_through_and_no_two_have_one_time() -> None:
    unique = joined([block_of(PLAN, block) for block in range(PLAN.ticks * BLOCKS)])
    assert unique.number.tolist() == list(range(PLAN.events))
    assert (np.diff(unique.time) > 0).all()
    assert PLAN.start <= unique.time[0]
    assert unique.time[-1] < PLAN.end
    assert sorted(unique.user[unique.kind == 0].tolist()) == list(range(PLAN.users))
    assert (unique.user == HEAVY).mean() == pytest.approx(HEAVY_SHARE, abs=0.01)


def test_all_is_delivered_once_and_repeats_besides() -> None:
    sent = joined(list(deliveries(PLAN)))
    times = Counter(sent.number.tolist())
    assert len(times) == PLAN.events
    assert max(times.values()) == 2
    assert len(sent) - PLAN.events == pytest.approx(PLAN.repeats * PLAN.events, rel=0.15)
    first = sent.at(np.unique(sent.number, return_index=True)[1])
    again = sent.at(np.setdiff1d(np.arange(len(sent)), np.unique(sent.number, return_index=True)[1]))
    delay = again.arrival - first.arrival[again.number]
    assert PLAN.repeat_least <= delay.min() < 10 * SECOND
    assert 19 * HOUR < delay.max() <= PLAN.repeat_most
    assert 0.4 < (again.time == first.time[again.number]).mean() < 0.6


def test_what_comes_first_is_never_later_than_the_disorder() -> None:
    sent = joined(list(deliveries(PLAN)))
    assert (np.diff(sent.arrival) >= 0).all()
    latest = np.maximum.accumulate(sent.time)
    first = np.unique(sent.number, return_index=True)[1]
    assert (latest - sent.time)[first].max() <= PLAN.disorder
    assert (latest - sent.time)[first].max() > 0


def test_records_are_json_lines_that_keep_a_user_in_one_partition() -> None:
    places: dict[str, set[int]] = defaultdict(set)
    number = 0
    for record in sendings(PLAN, batch=100):
        events = [json.loads(line) for line in record.value.split(b"\n")]
        assert len(events) == record.events <= 100
        assert max(event["occurred_at"] for event in events) == record.time
        assert [int(event["event_id"]) for event in events] == record.numbers.tolist()
        number += len(events)
        for event in events:
            places[event["user_id"]].add(record.partition)
    assert number == sum(map(len, deliveries(PLAN)))
    assert {len(found) for found in places.values()} == {1}
    assert set.union(*places.values()) == {0, 1, 2, 3}


def test_two_equal_plans_send_the_same_bytes_and_another_seed_others() -> None:
    def sent(seed: int) -> list[bytes]:
        return [record.value for record in sendings(year(0.0002, seed=seed), batch=100)]

    assert sent(1) == sent(1)
    assert sent(1) != sent(2)
