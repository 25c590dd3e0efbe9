"""State that outlives workers: whatever is lost in memory, the same changes come out."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from segmentation.messages import FeaturesOfShard
from segmentation.rules.file import parse_rules
from segmentation.units import HOUR, MINUTE, SECOND
from tests.transforms.live_shard import Bag, Cell, LiveShard, Stage, Timers, in_time
from transforms.state import shard_state
from transforms.state import tracked_shard as tracking
from transforms.state.timing import Timing
from transforms.state.tracked_shard import TrackedShard

#: State of both stages after some bundles (seed 0), as the first version of layout 5 wrote it.
SAVED = Path(__file__).with_name("saved_state.json")
START = 1_767_225_600_000_000
MARGIN = 10 * SECOND

RULES = parse_rules(
    """
version: 1
tick: 30m
population: {minimum: 3}
features:
  score: {kind: rolling_score, window: 4h, every: 1h, weights: {click: 1, buy: 4}}
  path:
    kind: journey
    start: visit
    complete: {all_of: [click, {event: buy, distinct: item, at_least: 2}]}
    deadline: 3h
  item: {kind: attribute, property: item, keep: first}
  items: {kind: attribute, property: item, keep: set}
  days: {kind: distinct_days, window: 1d}
  seen: {kind: recency}
segments:
  top: {when: percentile(score) >= 60, until: percentile(score) < 40, min_dwell: 90m}
  late: {when: "path.status = 'overdue'", group: pace, priority: 1}
  done: {when: path.completed_at IS NOT NULL, group: pace, priority: 2}
  keen: {when: in_segment('top') AND items >= 2 AND days = 1}
  gone: {when: hours_since(seen) > 2}
  x: {when: item = 'x'}
""",
    "rules.yaml",
)


def bundles(seed: int) -> list[pl.DataFrame]:
    """Bundles of a morning's traffic, in the order of their arrival."""
    random = np.random.default_rng(seed)
    count = 150
    at = np.sort(random.integers(0, 8 * HOUR, count))
    arrival = np.argsort(at + random.integers(0, MARGIN, count))
    frame = pl.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(count)],
            "user_id": [f"u{user}" for user in random.integers(0, 9, count)],
            "name": random.choice(["visit", "click", "buy", "other"], count),
            "occurred_at": START + at,
            "p:item": random.choice(["x", "y", "z"], count),
        }
    )[arrival]
    return [frame[start : start + 6] for start in range(0, count, 6)]


def run(
    seed: int,
    around: Callable[[Stage, Callable[[], list[Any]]], list[Any]],
    order: Callable[[list[str]], list[str]] = in_time,
    every: int = 1,
) -> list[dict[str, Any]]:
    """All changes of the morning, early and settled, in order. The watermark follows every so many bundles."""
    shard = LiveShard(RULES, Timing(bounded=False, max_disorder=MARGIN), around, order)
    for number, bundle in enumerate(bundles(seed)):
        shard.events(bundle)
        if number % every == every - 1:
            shard.watermark(Timestamp(micros=bundle["occurred_at"].to_numpy().max().item() - MARGIN))
    shard.watermark(MAX_TIMESTAMP)
    return shard.changes


def undisturbed(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
    """Calls as they come, on one worker."""
    return call()


@pytest.fixture(autouse=True)
def fold_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs are folded into snapshots, and snapshots cut into pieces, long before a megabyte."""
    monkeypatch.setattr(shard_state, "_MIN_FOLD_BYTES", 12_000)
    monkeypatch.setattr(shard_state, "PIECE_BYTES", 3_000)
    monkeypatch.setattr(shard_state, "_TAIL_BYTES", 1_500)


@pytest.mark.parametrize("often", [0.3, 0.6, 1])
@pytest.mark.parametrize("seed", range(2))
def test_new_workers_change_nothing(seed: int, often: float) -> None:
    random = np.random.default_rng(seed)
    pieces, tails, folding = set(), set(), set()

    def restarted(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
        if random.random() < often:
            stage.restart()
            text, _, tail = (stage.head.value or b"{}").partition(b"\n")
            folding.add(bool(json.loads(text).get("folding")))
            tails.add(bool(tail))
        pieces.update(len(bag.values) for bag in stage.bags("snapshot"))
        return call()

    expected = run(seed, undisturbed)
    assert {row["stage"] for row in expected} == {"EARLY", "ON_TIME"}
    assert run(seed, restarted) == expected
    assert tails == folding == {False, True}, "no worker was ever lost half-way through a fold, or all of them were"
    assert often == 1 or max(pieces) > 2, "no snapshot of several pieces was ever written"


def test_fold_is_written_a_piece_a_call_and_grows_no_log() -> None:
    written: list[int] = []
    left: list[int] = []

    def watched(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
        before = {id(piece) for bag in stage.bags("snapshot") for piece in bag.values}
        result = call()
        after = [piece for bag in stage.bags("snapshot") for piece in bag.values]
        written.append(sum(id(piece) not in before for piece in after))
        if not json.loads((stage.head.value or b"").partition(b"\n")[0])["folding"]:
            left.append(sum(bool(bag.values) for kind in ("snapshot", "log") for bag in stage.bags(kind)))
        return result

    run(0, watched)
    assert set(written) == {0, 1}
    assert max(left) == 2, "between folds there is one snapshot and one log"


def test_worker_that_comes_back_does_not_go_on_with_another_workers_fold() -> None:
    """Its call failed after the state was written; another worker repeats it, and the shard returns."""
    expected = run(0, undisturbed)
    returned = 0

    def away(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
        nonlocal returned
        cells = stage.cells()
        call()
        first = stage.fn
        stage.put_back(cells)
        stage.restart()
        result = call()
        if json.loads((stage.head.value or b"").partition(b"\n")[0])["folding"]:
            returned += 1
            stage.fn = first
        return result

    assert run(0, away) == expected
    assert returned > 5


@pytest.mark.parametrize("seed", range(2))
def test_failed_bundle_leaves_no_trace_in_a_worker_that_lives_on(seed: int) -> None:
    random = np.random.default_rng(seed)

    def failing(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
        cells = stage.cells()
        if random.random() < 0.3:
            call()  # the bundle fails after this: neither its outputs nor its state count
            stage.put_back(cells)
        return call()

    assert run(seed, failing) == run(seed, undisturbed)


def test_call_that_breaks_off_leaves_no_trace_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    preview = TrackedShard.preview

    def breaking(table: TrackedShard) -> FeaturesOfShard | None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise ConnectionError
        return preview(table)

    def retried(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
        cells = stage.cells()
        try:
            return call()
        except ConnectionError:
            stage.put_back(cells)
            return call()

    expected = run(0, undisturbed)
    monkeypatch.setattr(TrackedShard, "preview", breaking)
    assert run(0, retried) == expected
    assert calls > 5


@pytest.mark.parametrize("ahead", [1, 2, 5, 32])
@pytest.mark.parametrize("seed", range(2))
def test_ticks_that_settle_in_one_bundle_are_those_that_settle_one_by_one(
    seed: int, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(seed)
    most = 0

    def any_order(tags: list[str]) -> list[str]:
        nonlocal most
        most = max(most, len(tags))
        return random.permutation(tags).tolist()

    expected = [row for row in run(seed, undisturbed) if row["stage"] != "EARLY"]
    monkeypatch.setattr(tracking, "AHEAD", ahead)
    for order in (in_time, any_order):
        changes = run(seed, undisturbed, order, every=25)
        assert [row for row in changes if row["stage"] != "EARLY"] == expected
    assert most >= min(ahead, 15), "no bundle ever fired as many timers as may stand"


def test_event_before_the_first_one_holds_time_back_for_its_own_tick() -> None:
    shard = LiveShard(RULES, Timing(bounded=False, max_disorder=6 * HOUR), undisturbed)
    first, *_, last = bundles(0)
    for bundle in (last, first):
        shard.events(bundle)
    shard.watermark(MAX_TIMESTAMP)  # nothing that it puts out may be late
    assert min(row["effective_at"] for row in shard.changes) < last["occurred_at"].to_numpy().min()


def test_clock_that_allows_no_other_tick_writes_nothing() -> None:
    shard = LiveShard(RULES, Timing(bounded=False, max_disorder=MARGIN), undisturbed)
    shard.events(bundles(0)[0])

    def heartbeat(at: int) -> None:
        columns = {"event_id": "h", "user_id": "", "name": "heartbeat", "occurred_at": START + at, "p:item": None}
        shard.events(pl.DataFrame([columns], schema_overrides={"p:item": pl.String}))

    heartbeat(12 * HOUR)
    known = shard.track.cells()
    heartbeat(12 * HOUR + 29 * MINUTE)
    assert shard.track.cells() == known
    heartbeat(12 * HOUR + 30 * MINUTE)
    assert shard.track.cells() != known


def test_undisturbed_worker_reads_its_log_only_once() -> None:
    class Unreadable(Bag):
        def read(self) -> list[bytes]:
            raise AssertionError("the log was read although the table is in memory")

    def first_call_reads(stage: Stage, call: Callable[[], list[Any]]) -> list[Any]:
        result = call()
        for name, bag in stage.state.items():
            if isinstance(bag, Bag) and "_log" in name:
                stage.state[name] = Unreadable(bag.values)
        return result

    assert run(0, first_call_reads) == run(0, undisturbed)


def test_state_that_an_earlier_version_wrote_is_continued() -> None:
    saved = json.loads(SAVED.read_text(encoding="utf-8"))
    expected = LiveShard(RULES, Timing(bounded=False, max_disorder=MARGIN), undisturbed)
    shard = LiveShard(RULES, Timing(bounded=False, max_disorder=MARGIN), undisturbed)
    for number, bundle in enumerate(bundles(0)):
        if number == saved["bundles"]:
            expected.changes.clear()
            _put_back(shard.track, saved["track"])
            _put_back(shard.assign, saved["assign"])
        for each in (expected, shard) if number >= saved["bundles"] else (expected,):
            each.events(bundle)
            each.watermark(Timestamp(micros=bundle["occurred_at"].to_numpy().max().item() - MARGIN))
    expected.watermark(MAX_TIMESTAMP)
    shard.watermark(MAX_TIMESTAMP)
    assert shard.changes == expected.changes != []


def _put_back(stage: Stage, saved: dict[str, Any]) -> None:
    state: dict[str, Cell | Bag] = {}
    for name, cell in stage.state.items():
        values = [base64.b64decode(each) for each in saved["state"].get(name, [])]
        state[name] = Bag(values) if isinstance(cell, Bag) else Cell(*values)
    timers = Timers({tag: Timestamp(micros=at) for tag, at in saved["timers"].items()})
    stage.put_back((state, timers))
