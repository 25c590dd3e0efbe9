"""Trends, paces and pictures of samples that are made up."""

import json
from dataclasses import fields
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from segmentation.units import DAY, HOUR
from tests.bench.flink.year.chart import chart
from tests.bench.flink.year.plan import year
from tests.bench.flink.year.sampling import Sample
from tests.bench.flink.year.summary import after, daily, first_pace, pace_table, trend_table, trends

PLAN = year(0.01)


def sample(hours: float, **numbers: float) -> Sample:
    """The moment at which a job has so many hours of event time behind it, 10,000 events a second, all else at 100."""
    time = PLAN.start + round(hours * HOUR)
    done = PLAN.events_at(time)
    known = {**dict.fromkeys((each.name for each in fields(Sample)), 100), "event_time": time, "done": done}
    return Sample(**{**known, "at": done / 10_000, **numbers})  # type: ignore[arg-type]


WEEK = [sample(hours, heap=100 + hours / 10) for hours in range(1, 193)]


def test_what_stays_is_flat_and_what_rises_by_a_tenth_is_told() -> None:
    found = {each.name: each for each in trends(after(WEEK, PLAN.end - 5 * DAY))}
    assert found["worker_memory"].flat
    assert found["worker_memory"].trend == pytest.approx(0, abs=1e-9)
    assert found["heap"].trend == pytest.approx(12 / 113, rel=0.01)
    assert not found["heap"].flat
    assert json.loads(json.dumps([each.flat for each in found.values()])).count(False) == 1
    assert "GROWS" in trend_table(list(found.values()), "last days")


def test_samples_after_the_last_events_are_left_out() -> None:
    idle = [sample(192, heap=5_000) for _ in range(50)]
    assert after([*WEEK, *idle], PLAN.start) == WEEK


def test_each_day_is_as_fast_as_the_first_events() -> None:
    first, days = first_pace(PLAN, WEEK), daily(PLAN, WEEK)
    assert first is not None
    assert [day.name for day in days] == [f"day {number}" for number in range(1, 9)]
    assert [day.rate for day in days] == pytest.approx([first.rate] * 8)
    assert days[0].remembered == pytest.approx(864_000, rel=0.001)
    assert days[-1].remembered == pytest.approx(129_600, rel=0.001)
    assert "1.00" in pace_table(PLAN, WEEK)


def test_a_day_that_ends_in_a_standstill_is_as_fast_as_it_was_before() -> None:
    stuck = [sample(10, at=seconds) for seconds in range(40, 500)]
    (day,) = daily(PLAN, [*WEEK[:10], *stuck])
    assert day.rate == pytest.approx(10_000)


def test_a_run_without_progress_is_told_as_such() -> None:
    idle = [sample(1, done=0)] * 3
    assert pace_table(PLAN, idle) == "the job committed nothing"
    assert "too few samples" in trend_table(trends(after(idle[:1], PLAN.start)), "last days")


def test_picture_is_well_formed_and_has_a_point_for_each_step() -> None:
    picture = ElementTree.fromstring(chart("a < b", WEEK, lambda each: each.at, "s", marks=[20.0]))
    lines = picture.findall("{*}polyline")
    assert len(lines) == 11
    assert {len(line.attrib["points"].split()) for line in lines} == {sum(1 for _ in pairwise(WEEK))}
    assert len(picture.findall("{*}line")) == 11
