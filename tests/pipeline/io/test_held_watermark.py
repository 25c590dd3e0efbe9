"""Event time under messages that are missing for a while: it never passes what may still come again."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.io.pubsub.held_watermark import BEGINNING, HeldWatermark, Stopwatch

HOLD = 15.0


def test_nothing_is_known_before_a_hold_has_passed() -> None:
    held = HeldWatermark(HOLD, 0)
    held.received(1, 100, 110)
    held.received(2, 105, 120)
    assert held.value(16) == BEGINNING
    assert held.value(16.1) == 105


def test_what_came_in_the_last_hold_holds_it() -> None:
    held = HeldWatermark(HOLD, 0)
    for second in range(1, 41):
        held.received(second, 10 * second, 10 * second)
    # What came at second s says no more than what had come before.
    assert held.value(40) == 240


def test_silence_leads_to_the_latest() -> None:
    held = HeldWatermark(HOLD, 0)
    held.received(1, 100, 200)
    for second in range(2, 20):
        held.idle(second)
    assert held.value(19) == 200


def test_the_first_message_after_a_silence_moves_nothing_for_a_hold() -> None:
    held = HeldWatermark(HOLD, 0)
    held.received(1, 100, 200)
    held.idle(2)
    held.idle(30)
    held.received(31, 900, 900)
    held.received(40, 910, 910)
    assert held.value(45) == 200
    assert held.value(46.1) == 900


def test_a_failure_is_no_silence_and_demands_a_hold_anew() -> None:
    held = HeldWatermark(HOLD, 0, 50)
    held.received(1, 100, 200)
    for second in range(2, 40):
        held.failed(second)
    held.received(40, 300, 300)
    held.idle(41)
    assert held.value(54) == 50
    assert held.value(54.1) == 200


def test_late_messages_never_take_it_back() -> None:
    held = HeldWatermark(HOLD, 0)
    held.received(1, 100, 200)
    held.idle(20)
    assert held.value(35) == 200
    held.received(36, 10, 10)
    assert held.value(36) == 200
    held.idle(37)
    assert held.value(60) == 200


def test_messages_far_behind_hold_nothing() -> None:
    held = HeldWatermark(HOLD, 0)
    for second in range(1, 41):
        held.received(second, 10 * second, 10 * second)
        held.received(second + 0.5, None, -(10**12))
    assert held.value(40.5) == 250


def test_restart_begins_from_what_the_state_knows() -> None:
    held = HeldWatermark(HOLD, 0)
    held.received(1, 100, 200)
    held.idle(20)
    assert held.value(30) == 200
    held.restart(30, 150)
    held.received(31, 160, 180)
    assert held.value(45) == 150
    assert held.value(46.1) == 150
    held.idle(50)
    assert held.value(62.1) == 180


@given(seed=st.integers(0, 2**32), lost=st.integers(1, 40), silences=st.booleans())
def test_no_message_that_comes_again_in_time_is_late(seed: int, lost: int, silences: bool) -> None:
    """Messages in order, some of them handed out and lost, to come again up to a lease later."""
    generator = random.Random(seed)
    lease, hold = 10.0, 15.0
    arrivals: list[tuple[float, int]] = []
    wall, event = 0.0, 0
    missing = set(generator.sample(range(200), lost))
    for number in range(200):
        wall += generator.choice([0.1, 0.1, 0.1, 40.0 if silences and generator.random() < 0.05 else 1.0])
        event += generator.choice([1, 10, 100_000])
        arrivals.append((wall + (generator.uniform(0, lease) if number in missing else 0), event))
    held = HeldWatermark(hold, 0)
    arrivals.sort()
    silences_too = [(0.5 * number, None) for number in range(int(wall * 2) + 60)]
    looks = sorted([*arrivals, *silences_too], key=lambda look: look[0])
    for at, seen in looks:
        reached = held.value(at)
        if seen is None:
            held.idle(at)
        else:
            assert seen >= reached, f"{seen} came when event time was {reached}"
            held.received(at, seen, seen)
    assert held.value(looks[-1][0] + 1) == event


def test_a_stopwatch_counts_while_anything_goes_on() -> None:
    now = 100.0
    watch = Stopwatch(lambda: now)
    assert watch.seconds == 0
    watch.start()
    now = 103.0
    watch.start()
    watch.stop()
    assert watch.seconds == 3
    watch.stop()
    now = 150.0
    assert watch.seconds == 3
    watch.start()
    now = 151.0
    assert watch.seconds == 4
