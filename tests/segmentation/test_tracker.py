"""Time as one shard's tracker has it, without an engine: late events, the clock, the first and the last tick."""

import polars as pl
import pytest

from segmentation.identity.sharder import Sharder
from segmentation.messages import EventsOfShard
from segmentation.rules.file import parse_rules
from segmentation.tracking.tracker import Settled, Tracker
from segmentation.units import DAY, HOUR, MINUTE, SECOND
from transforms.keys.sources import DEMO_KEYS

START = 1_767_225_600_000_000
MARGIN = 10 * SECOND
RULES = parse_rules(
    """
version: 1
tick: 1h
features: {clicks: {kind: rolling_count, window: 3d, every: 1h, event: click}}
segments: {busy: {when: clicks >= 2}}
""",
    "rules.yaml",
)


def arrive(tracker: Tracker, *at: int, name: str = "click") -> None:
    """Events of one user at these times, µs after START."""
    frame = pl.DataFrame(
        {
            "event_id": [f"e{time}" for time in at],
            "user_id": "" if name == "heartbeat" else "u",
            "name": name,
            "occurred_at": [START + time for time in at],
        }
    )
    tracker.add(Sharder(RULES, 1, DEMO_KEYS).split(frame, START + max(at))[0])


def clicks(settled: Settled) -> list[tuple[int, int, bool]]:
    """(tick in µs after START, clicks, whether one of them was late) of each row."""
    rows = settled.features.rows
    return list(zip((rows["tick"] - START).tolist(), rows["clicks"].tolist(), rows["late"].tolist(), strict=True))


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(RULES, MARGIN)


def test_late_event_counts_from_the_next_tick_on(tracker: Tracker) -> None:
    arrive(tracker, 30 * MINUTE)
    assert clicks(tracker.advance(START + HOUR)) == [(HOUR, 1, False)]
    arrive(tracker, 40 * MINUTE)
    assert clicks(tracker.advance(START + 2 * HOUR)) == [(2 * HOUR, 2, True)]
    assert (tracker.counts.accepted, tracker.counts.late, tracker.counts.too_late) == (2, 1, 0)


def test_preview_leaves_out_a_user_whose_events_all_come_too_late(tracker: Tracker) -> None:
    """Although something of that user changes by itself in the ticks that the preview looks at."""
    arrive(tracker, 30 * MINUTE)
    tracker.advance(START + 3 * DAY)
    columns = {"event_id": ["late", "new"], "user_id": ["u", "v"], "name": "click"}
    frame = pl.DataFrame({**columns, "occurred_at": [START + 31 * MINUTE, START + 3 * DAY + MINUTE]})
    batch = Sharder(RULES, 1, DEMO_KEYS).split(frame, START + 3 * DAY + MINUTE)[0]
    tracker.add(batch)
    preview = tracker.preview(batch.users)
    assert preview is not None
    assert (len(preview.users), preview.rows["clicks"].tolist()) == (1, [1])
    assert preview.rows["at"].tolist() == [START + 3 * DAY + MINUTE]


def test_event_whose_id_may_be_forgotten_is_dropped_and_counted(tracker: Tracker) -> None:
    arrive(tracker, 2 * DAY - 1)
    tracker.advance(START + 2 * DAY)
    arrive(tracker, 2 * DAY - DAY - MARGIN, 2 * DAY - DAY - MARGIN - 1)
    assert clicks(tracker.advance(START + 2 * DAY + HOUR)) == [(2 * DAY + HOUR, 2, True)]
    assert (tracker.counts.accepted, tracker.counts.late, tracker.counts.too_late) == (2, 1, 1)


def test_late_repetition_is_a_duplicate(tracker: Tracker) -> None:
    arrive(tracker, 30 * MINUTE)
    tracker.advance(START + HOUR)
    arrive(tracker, 30 * MINUTE)
    assert clicks(tracker.advance(START + 2 * HOUR)) == []
    assert tracker.counts.duplicate == 1


def test_ticks_are_due_from_the_first_event_to_the_one_after_the_clock(tracker: Tracker) -> None:
    assert (tracker.first_due(), tracker.last_due()) == (None, None)
    arrive(tracker, 2 * HOUR)
    arrive(tracker, 30 * MINUTE)
    assert (tracker.first_due(), tracker.last_due()) == (START + HOUR, START + 3 * HOUR)
    arrive(tracker, 5 * HOUR - 1, name="heartbeat")
    assert tracker.last_due() == START + 5 * HOUR
    tracker.advance(START + 3 * HOUR)
    assert tracker.first_due() == START + 4 * HOUR


def test_shard_that_only_hears_the_clock_ticks_along(tracker: Tracker) -> None:
    tracker.add(EventsOfShard.only_clock(START + 90 * MINUTE))
    assert tracker.first_due() == tracker.last_due() == START + 2 * HOUR
    assert clicks(tracker.advance(START + 2 * HOUR)) == []
    arrive(tracker, 100 * MINUTE)
    assert clicks(tracker.advance(START + 3 * HOUR)) == [(3 * HOUR, 1, True)]


def test_latest_accepted_time_leaves_duplicates_out(tracker: Tracker) -> None:
    arrive(tracker, MINUTE)
    frame = pl.DataFrame(
        {"event_id": [f"e{MINUTE}"], "user_id": ["u"], "name": ["click"], "occurred_at": [START + 5 * HOUR]}
    )
    tracker.add(Sharder(RULES, 1, DEMO_KEYS).split(frame, START + 5 * HOUR)[0])
    tracker.advance(START + 6 * HOUR)
    assert tracker.latest_accepted() == START + MINUTE
    arrive(tracker, 2 * HOUR, name="heartbeat")
    assert tracker.latest_accepted() == START + 2 * HOUR
