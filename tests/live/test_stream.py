"""Time as a live stream has it: early changes, deadlines, late events, the end of the input. Expected values are by
hand."""

import pytest

from segmentation.units import DAY, HOUR, MINUTE, SECOND
from tests.live.stream import START, Event, Watermark, run_stream, subject_of

pytestmark = pytest.mark.prism

MARGIN = 10 * SECOND  # max_disorder of these streams

COUNTS = """
version: 1
tick: 1h
features:
  clicks: {kind: rolling_count, window: 3h, every: 1h}
segments:
  busy: {when: clicks >= 2}
"""

RANKS = """
version: 1
tick: 1h
population: {minimum: 2}
features:
  clicks: {kind: rolling_count, window: 12h, every: 1h}
segments:
  top: {when: percentile(clicks) >= 80}
"""

JOURNEY = """
version: 1
tick: 1h
features:
  onboarding: {kind: journey, start: signup, complete: {all_of: [done]}, deadline: 2h}
segments:
  overdue: {when: "onboarding.status = 'overdue'"}
"""


def test_early_change_is_confirmed_by_its_tick(prism_location: str) -> None:
    script = [Event("a", 5 * MINUTE), Event("a", 6 * MINUTE), Watermark(HOUR + MARGIN + SECOND)]
    outcome = run_stream(COUNTS, script, prism_location)
    assert outcome.of("a") == [
        ("EARLY", "ENTERED", "busy", 6 * MINUTE, "event"),
        ("ON_TIME", "ENTERED", "busy", HOUR, "event"),
    ]
    early, settled = outcome.changes
    assert (early["sequence"], early["early_index"]) == (0, 1)
    assert (settled["sequence"], settled["early_index"]) == (1, None)
    assert early["seen"] < HOUR + MARGIN <= settled["seen"]
    assert early["change_id"] != settled["change_id"]


def test_early_change_is_retracted_by_its_tick(prism_location: str) -> None:
    # Before the first boundary settles nobody has a percentile. After it (a: 1, b: 3, c: 2) c passes everybody else of
    # the last population at once; at the tick b has caught up.
    first = [
        Event("a", MINUTE),
        *(Event("b", MINUTE + n) for n in range(3)),
        Event("c", MINUTE),
        Event("c", MINUTE + 1),
    ]
    script = [
        first,
        Watermark(HOUR + MARGIN + SECOND),
        Event("b", HOUR + MINUTE),
        [Event("c", HOUR + 2 * MINUTE + n) for n in range(2)],
        Watermark(2 * HOUR + MARGIN + SECOND),
    ]
    rules = RANKS.replace(">= 80", ">= 100")
    outcome = run_stream(rules, script, prism_location)
    # c has 4 by now; the others stand at 1 and 3 in the last population: 100 * 2 / 2 = 100. At 2h b has 4 as well: 50.
    assert outcome.of("c") == [
        ("EARLY", "ENTERED", "top", HOUR + 2 * MINUTE + 1, "event"),
        ("EARLY", "RETRACTED", "top", 2 * HOUR, "time"),
    ]
    retracted = [row for row in outcome.changes if row["action"] == "RETRACTED"]
    assert [(row["sequence"], row["early_index"]) for row in retracted] == [(0, 2)]


def test_deadline_passes_without_an_event(prism_location: str) -> None:
    script = [Event("a", 0, "signup"), Watermark(HOUR), Event("b", 3 * HOUR - 1, "other")]
    outcome = run_stream(JOURNEY, script, prism_location)
    # Started at 0, so at tick 2h exactly the deadline has not passed; 3h is the first tick after it.
    assert outcome.of("a") == [("ON_TIME", "ENTERED", "overdue", 3 * HOUR, "time")]


def test_leaves_the_top_only_because_others_moved(prism_location: str) -> None:
    first = [*(Event("a", MINUTE + n) for n in range(3)), Event("b", MINUTE), Event("c", MINUTE)]
    script = [
        first,
        Watermark(HOUR + MARGIN + SECOND),
        [Event("b", HOUR + MINUTE + n) for n in range(5)],
        Watermark(2 * HOUR + MARGIN + SECOND),
    ]
    outcome = run_stream(RANKS, script, prism_location, early=False)
    assert outcome.of("a") == [
        ("ON_TIME", "ENTERED", "top", HOUR, "event"),
        ("ON_TIME", "EXITED", "top", 2 * HOUR, "population"),
    ]
    assert outcome.of("b") == [("ON_TIME", "ENTERED", "top", 2 * HOUR, "event")]


def test_late_event_counts_from_the_next_tick_on(prism_location: str) -> None:
    script = [
        Event("a", 30 * MINUTE),
        Watermark(HOUR + MARGIN + SECOND),
        Event("a", 40 * MINUTE),  # its tick, 1h, has settled
        Event("b", HOUR + 30 * MINUTE),
        Watermark(2 * HOUR + MARGIN + SECOND),
    ]
    outcome = run_stream(COUNTS, script, prism_location, early=False)
    assert outcome.of("a") == [("LATE", "ENTERED", "busy", 2 * HOUR, "event")]
    assert outcome.counters["late"] == 1
    assert outcome.counters["accepted"] == 3


def test_audit_has_a_record_of_every_late_event_with_its_tick(prism_location: str) -> None:
    script = [
        [Event("a", 30 * MINUTE), Event("b", 30 * MINUTE)],
        Watermark(HOUR + MARGIN + SECOND),
        [Event("a", 40 * MINUTE), Event("b", 50 * MINUTE, "unasked"), Event("b", HOUR + MINUTE)],
        Watermark(2 * HOUR + MARGIN + SECOND),
        Event("a", 10 * MINUTE),  # two ticks after its own
        Event("a", 40 * MINUTE, event_id="e2"),  # a repetition, which counts for nothing
        Event("b", 2 * HOUR + MINUTE),
    ]
    rules = COUNTS.replace("every: 1h}", "every: 1h, event: click}")
    outcome = run_stream(rules, script, prism_location, audit=True)
    assert outcome.counters["late"] == len(outcome.audit) == 3
    assert {
        (row["subject_id"], row["event_name"], row["occurred_at"] - START, row["counted_at"] - START)
        for row in outcome.audit
    } == {
        (subject_of("a"), "click", 40 * MINUTE, 2 * HOUR),
        (subject_of("b"), None, 50 * MINUTE, 2 * HOUR),
        (subject_of("a"), "click", 10 * MINUTE, 3 * HOUR),
    }


def test_audit_changes_no_change(prism_location: str) -> None:
    script = [
        Event("a", 30 * MINUTE),
        Watermark(HOUR + MARGIN + SECOND),
        [Event("a", 40 * MINUTE), Event("b", HOUR + 30 * MINUTE)],
    ]
    without, audited = (run_stream(COUNTS, script, prism_location, audit=audit) for audit in (False, True))
    assert audited.of("a") == without.of("a") != []
    assert without.audit == []


def test_event_later_than_its_id_is_remembered_is_dropped_and_counted(prism_location: str) -> None:
    tick = 2 * DAY
    script = [
        Event("a", tick - MINUTE),
        Watermark(tick + MARGIN + SECOND),
        Event("a", tick - DAY - MARGIN),  # just remembered: late
        Event("a", tick - DAY - MARGIN - 1),  # just forgotten: too late
        Event("b", tick + MINUTE),
        Watermark(tick + HOUR + MARGIN + SECOND),
    ]
    rules = COUNTS.replace("window: 3h", "window: 3d")
    outcome = run_stream(rules, script, prism_location, early=False)
    assert outcome.of("a") == [("LATE", "ENTERED", "busy", tick + HOUR, "event")]
    assert outcome.counters["dropped.too_late"] == 1
    assert outcome.counters["late"] == 1


def test_shard_whose_first_event_comes_late_ticks_along(prism_location: str) -> None:
    first = [Event("a", MINUTE), Event("a", 2 * MINUTE)]
    others = [Event(f"u{n}", 5 * HOUR + n, event_id=f"{n}/{k}") for n in range(12) for k in range(2)]
    script = [first, Watermark(HOUR + MARGIN + SECOND), others]
    outcome = run_stream(COUNTS, script, prism_location, shards=4, early=False)
    assert outcome.of("a") == [
        ("ON_TIME", "ENTERED", "busy", HOUR, "event"),
        ("ON_TIME", "EXITED", "busy", 4 * HOUR, "time"),
    ]
    for n in range(12):
        assert outcome.of(f"u{n}") == [("ON_TIME", "ENTERED", "busy", 6 * HOUR, "event")]


def test_end_of_input_stops_at_the_first_tick_after_the_last_event(prism_location: str) -> None:
    outcome = run_stream(COUNTS, [[Event("a", MINUTE), Event("a", 2 * HOUR)]], prism_location, early=False)
    # Two clicks within three hours at 3h, the last tick; that the window would empty later is not told.
    assert outcome.of("a") == [("ON_TIME", "ENTERED", "busy", 3 * HOUR, "event")]
    assert max(row["effective_at"] for row in outcome.changes) == START + 3 * HOUR


def test_until_goes_on_after_the_last_event(prism_location: str) -> None:
    script = [[Event("a", MINUTE), Event("a", 2 * MINUTE)]]
    outcome = run_stream(COUNTS, script, prism_location, early=False, until=6 * HOUR)
    assert outcome.of("a") == [
        ("ON_TIME", "ENTERED", "busy", HOUR, "event"),
        ("ON_TIME", "EXITED", "busy", 4 * HOUR, "time"),
    ]


def test_until_stops_before_the_last_event(prism_location: str) -> None:
    script = [[Event("a", MINUTE), Event("a", 2 * MINUTE)], Event("b", 5 * HOUR), Event("b", 5 * HOUR + 1)]
    outcome = run_stream(COUNTS, script, prism_location, early=False, until=2 * HOUR)
    assert outcome.of("a") == [("ON_TIME", "ENTERED", "busy", HOUR, "event")]
    assert outcome.of("b") == []
