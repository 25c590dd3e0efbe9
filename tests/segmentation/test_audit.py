"""Which events are told to be late: those that a plain reckoning over the log and the settled ticks finds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from segmentation.identity.pseudonyms import Pseudonymizer, subject_ids
from segmentation.identity.sharder import Sharder
from segmentation.outputs.audit_frame import AUDIT_COLUMNS
from segmentation.rules.file import parse_rules
from segmentation.tracking.id_cells import HeldIds
from segmentation.tracking.tracker import Tracker
from segmentation.units import DAY, HOUR, MINUTE, SECOND
from transforms.keys.sources import DEMO_KEYS

START = 1_767_225_600_000_000
TICK = 30 * MINUTE
MARGIN = 10 * SECOND
RULES = parse_rules(
    """
version: 4
tick: 30m
features:
  clicks: {kind: rolling_count, window: 3h, every: 1h, event: click}
  path: {kind: journey, start: visit, complete: {all_of: [buy]}, deadline: 2h}
segments: {busy: {when: clicks >= 2}, done: {when: path.completed_at IS NOT NULL}}
""",
    "rules.yaml",
)
#: The last is none that a feature asks for.
NAMES = ("click", "visit", "buy", "other")


@dataclass(frozen=True)
class _Event:
    user: str
    event_id: str
    name: str
    at: int


def _frame(events: list[_Event]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event_id": [event.event_id for event in events],
            "user_id": [event.user for event in events],
            "name": [event.name for event in events],
            "occurred_at": [event.at for event in events],
        }
    )


def _subject(user: str) -> str:
    return subject_ids(DEMO_KEYS.publish, Pseudonymizer(DEMO_KEYS).internals([user]))[0]


def _steps(seed: int) -> Iterator[list[_Event] | int]:
    """Batches of two days in the order of their arrival, far out of order and with repetitions; and between them the
    tick that settles."""
    random = np.random.default_rng(seed)
    count = 400
    columns = (random.integers(0, most, count).tolist() for most in (12, len(NAMES), 2 * DAY))
    rows = enumerate(zip(*columns, strict=True))
    events = [_Event(f"u{user}", f"e{number}", NAMES[name], START + at) for number, (user, name, at) in rows]
    events += [events[place] for place in random.integers(0, count, 60)]
    delay = np.where(random.random(len(events)) < 0.3, random.integers(0, 30 * HOUR, len(events)), 0)
    arrival = np.argsort([event.at + late for event, late in zip(events, delay.tolist(), strict=True)], kind="stable")
    settled = START
    for start in range(0, len(events), 8):
        batch = [events[place] for place in arrival[start : start + 8].tolist()]
        yield batch
        now = max(event.at for event in batch)
        if now - now % TICK > settled and random.random() < 0.7:
            settled = now - now % TICK
            yield settled
    yield START + 4 * DAY


def _expected(seed: int, memory: int) -> list[tuple[str, str | None, int, int]]:
    """(subject, name, occurred at, counted at), by hand: the first arrival of every id counts, unless it is too old."""
    settled, known, result = None, set(), []
    for step in _steps(seed):
        if isinstance(step, int):
            settled = step
            continue
        for event in step:
            if settled is None or event.at < settled - memory or event.event_id in known:
                known |= {event.event_id} if settled is None else set()
                continue
            known.add(event.event_id)
            if event.at < settled:
                name = event.name if event.name in NAMES[:3] else None
                result.append((_subject(event.user), name, event.at, settled + TICK))
    return sorted(result, key=str)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_late_events_are_those_of_the_log_and_the_settled_ticks(seed: int, restarts: bool) -> None:
    random = np.random.default_rng(seed)
    sharder = Sharder(RULES, 1, DEMO_KEYS)
    ids, tracker = HeldIds(), Tracker(RULES, MARGIN)
    tracker.open_ids(ids, load=False)
    frames = []
    for step in _steps(seed):
        if isinstance(step, int):
            before = tracker.counts.late
            late = tracker.advance(step, audit=True).late
            assert tracker.counts.late - before == (0 if late is None else len(late))
            if late is not None:
                frames.append(late.records(RULES.version, DEMO_KEYS.publish))
        else:
            tracker.add(sharder.split(_frame(step), max(event.at for event in step))[0])
        if restarts and random.random() < 0.2:
            data = tracker.snapshot()
            tracker.write_ids()
            tracker = Tracker(RULES, MARGIN)
            tracker.restore(data)
            tracker.open_ids(ids, load=True)
    found = pl.concat(frames)
    rows = found.select("subject_id", "event_name", "occurred_at", "counted_at").rows()
    assert sorted(rows, key=str) == _expected(seed, DAY + MARGIN)
    assert len(found) == tracker.counts.late > 30
    assert found["audit_id"].n_unique() == len(found)
    assert set(found["kind"]) == {"late_event"}
    assert set(found["rules_version"]) == {4}
    assert dict(found.schema) == AUDIT_COLUMNS


def _late_tracker() -> Tracker:
    """With an event of tick 30m settled and a late one waiting."""
    tracker = Tracker(RULES, MARGIN)
    for event in (_Event("u-raw", "e1", "click", START + MINUTE), _Event("u-raw", "e2", "consent", START)):
        tracker.add(Sharder(RULES, 1, DEMO_KEYS).split(_frame([event]), START + MINUTE)[0])
        if event.event_id == "e1":
            assert tracker.advance(START + TICK, audit=True).late is None
    return tracker


def test_nobody_asked_and_nothing_is_told() -> None:
    tracker = _late_tracker()
    assert tracker.advance(START + 2 * TICK).late is None
    assert tracker.counts.late == 1


def test_records_are_the_same_in_a_repetition_and_name_nobody() -> None:
    first, second = (_late_tracker().advance(START + 2 * TICK, audit=True).late for _ in range(2))
    assert first is not None
    assert second is not None
    records = first.records(4, DEMO_KEYS.publish)
    assert records.equals(second.records(4, DEMO_KEYS.publish))
    [row] = records.to_dicts()
    assert (row["subject_id"], row["event_name"]) == (_subject("u-raw"), None)
    internal = Pseudonymizer(DEMO_KEYS).internals(["u-raw"])[0]
    assert not [secret for secret in ("u-raw", "e2", internal.hex()) if secret in str(row)]


def test_same_event_late_by_another_tick_is_another_record() -> None:
    ids = set()
    for until in (START + 2 * TICK, START + 3 * TICK):
        tracker = Tracker(RULES, MARGIN)
        for at in (MINUTE, 2 * MINUTE):
            event = _Event("u", f"e{at}", "click", START + at)
            tracker.add(Sharder(RULES, 1, DEMO_KEYS).split(_frame([event]), START + 3 * TICK)[0])
            late = tracker.advance(until if at == MINUTE else until + TICK, audit=True).late
        assert late is not None
        ids |= set(late.records(4, DEMO_KEYS.publish)["audit_id"])
    assert len(ids) == 2
