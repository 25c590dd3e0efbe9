"""Order, duplicates and malformed lines of a log."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
import pytest

from pipeline.traffic.delivery import Kind, deliver
from segmentation.units import SECOND
from tests.pipeline.traffic.logs import CLEAN, Event, Log


def test_counts_add_up(faulty: Log) -> None:
    summary = faulty.summary
    assert summary.lines == summary.events + summary.duplicates + summary.malformed == len(faulty.lines)
    assert sum(summary.names.values()) == summary.events
    assert len(faulty.events) == summary.events + summary.duplicates
    assert len({event["event_id"] for event in faulty.events}) == summary.events
    assert len({event["user_id"] for event in faulty.events}) == summary.users
    assert faulty.decoded.count(None) == summary.malformed


def test_counts_by_name_are_those_of_the_log(clean: Log) -> None:
    found = Counter(event["name"] for event in clean.events)
    assert {name: found[name] for name in clean.summary.names} == clean.summary.names


def test_clean_log_is_in_the_order_of_time(clean: Log) -> None:
    times = [event["occurred_at"] for event in clean.events]
    assert all(a <= b for a, b in pairwise(times))
    assert (clean.summary.first, clean.summary.last) == (times[0], times[-1])
    assert clean.options.start <= times[0] < times[-1] < clean.options.end


def test_no_first_delivery_is_later_than_the_disorder(faulty: Log) -> None:
    first = firsts(faulty.events)
    latest = accumulate((event["occurred_at"] for event in first), max)
    behind = [high - event["occurred_at"] for high, event in zip(latest, first, strict=True)]
    assert 0 < max(behind) <= faulty.options.disorder


@pytest.mark.parametrize("disorder", [0, 1, 30 * SECOND])
def test_conflicting_copies_keep_the_disorder_bound(disorder: int) -> None:
    times = np.sort(np.random.default_rng(1).integers(0, 10**9, 20_000))
    options = replace(CLEAN, duplicates=0.5, disorder=disorder)
    lines = deliver(times, options, np.random.default_rng(2))
    bounded = lines.kind != Kind.REDELIVERY
    stamped = (times[lines.event] + lines.restamped)[bounded]
    assert np.max(np.maximum.accumulate(stamped) - stamped) <= disorder
    assert lines.count(Kind.CONFLICTING) > 0


def test_duplicates_come_after_their_event_at_about_the_asked_rate(faulty: Log) -> None:
    summary = faulty.summary
    assert summary.duplicates / summary.events == pytest.approx(faulty.options.duplicates, rel=0.1)
    copies = deliveries(faulty)
    assert max(len(lines) for lines in copies.values()) == 2
    conflicting = [lines for lines in copies.values() if len(set(lines)) == 2]
    assert len(conflicting) == summary.conflicting > 0
    assert summary.conflicting < 0.1 * summary.duplicates


def test_malformed_lines_at_about_the_asked_rate(faulty: Log) -> None:
    assert faulty.summary.malformed / faulty.summary.events == pytest.approx(faulty.options.malformed, rel=0.2)


def test_all_duplicated_and_all_malformed() -> None:
    lines = deliver(
        np.arange(100, dtype=np.int64), replace(CLEAN, duplicates=1.0, malformed=1.0), np.random.default_rng(1)
    )
    assert [lines.count(kind) for kind in (Kind.FIRST, Kind.MALFORMED)] == [100, 100]
    assert lines.count(Kind.REDELIVERY) + lines.count(Kind.CONFLICTING) == 100


def test_no_events_no_lines() -> None:
    assert len(deliver(np.zeros(0, np.int64), CLEAN, np.random.default_rng(1))) == 0


def firsts(events: list[Event]) -> list[Event]:
    seen: dict[str, Event] = {}
    for event in events:
        seen.setdefault(event["event_id"], event)
    return list(seen.values())


def deliveries(log: Log) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = defaultdict(list)
    for line, event in zip(log.lines, log.decoded, strict=True):
        if event is not None:
            found[event["event_id"]].append(line)
    return found
