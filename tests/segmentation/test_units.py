"""Durations, instants and ticks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.units import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    floor_to,
    format_duration,
    format_instant,
    next_tick,
    parse_duration,
    parse_instant,
)

TIMES = st.integers(0, 2**52)
STEPS = st.integers(1, 400 * DAY)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0s", 0),
        ("5us", 5),
        ("10ms", 10_000),
        ("10s", 10 * SECOND),
        ("24h", DAY),
        ("7d", 7 * DAY),
        ("1h30m", 90 * MINUTE),
    ],
)
def test_duration(text: str, micros: int) -> None:
    assert parse_duration(text) == micros


@pytest.mark.parametrize("text", ["", "7", "d", "-1h", "1.5h", "1 h", "1w", "1h 30m", "24H"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(0, 2**62))
def test_duration_round_trip(micros: int) -> None:
    assert parse_duration(format_duration(micros)) == micros


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T02:00:00+02:00", 0),
        ("2026-01-01T00:00:00.000001Z", 1_767_225_600_000_001),
        ("1969-12-31T23:59:59Z", -SECOND),
    ],
)
def test_instant(text: str, micros: int) -> None:
    assert parse_instant(text) == micros


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "2026-01-01", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


@given(TIMES)
def test_instant_round_trip(micros: int) -> None:
    assert parse_instant(format_instant(micros)) == micros


def test_event_on_a_tick_is_first_seen_by_the_next() -> None:
    assert next_tick(3 * HOUR, HOUR) == 4 * HOUR
    assert next_tick(3 * HOUR - 1, HOUR) == 3 * HOUR
    assert floor_to(3 * HOUR, HOUR) == 3 * HOUR
    assert floor_to(3 * HOUR - 1, HOUR) == 2 * HOUR


@given(TIMES, STEPS)
def test_ticks_are_multiples_around_the_time(time: int, step: int) -> None:
    below, after = floor_to(time, step), next_tick(time, step)
    assert below % step == after % step == 0
    assert below <= time < after == below + step
