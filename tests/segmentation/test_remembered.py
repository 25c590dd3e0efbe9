"""Remembered ids against a model that keeps everything: fingerprints, the ring of cells, and which events repeat."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segmentation.tracking import fingerprints, remembered
from segmentation.tracking.acceptance import repeated
from segmentation.tracking.event_keys import EventKeys, knows_shards, shards_of
from segmentation.tracking.event_rows import EventRows
from segmentation.tracking.fingerprints import Fingerprints
from segmentation.tracking.id_cells import CELLS, HeldIds, Ids, Ring
from segmentation.tracking.remembered import Remembered
from segmentation.units import DAY, HOUR, MINUTE

START = 1_767_225_600_000_000
#: Keys of which several share their fingerprint, and some their upper half.
HIGH = st.sampled_from([0, 1, 255, 256, 257, 1 << 60, (1 << 60) + 7, (1 << 64) - 1])
LOW = st.integers(0, 1)


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "_LONGEST", 40)
    monkeypatch.setattr(remembered, "_RECENT", 5)


@given(
    steps=st.lists(
        st.tuples(st.lists(HIGH, max_size=30), st.integers(0, CELLS - 1), st.sets(st.integers(0, CELLS - 1)))
    ),
    asked=st.lists(HIGH, min_size=1, max_size=20),
)
def test_fingerprints_find_every_key_that_is_there(
    steps: list[tuple[list[int], int, set[int]]], asked: list[int]
) -> None:
    prints, model = Fingerprints(), set()
    for keys, cell, dropped in steps:
        prints.add(np.array(keys, np.uint64), cell)
        model |= {(key >> 8, cell) for key in keys}
        prints.drop(dropped)
        model = {(key, each) for key, each in model if each not in dropped}
    rows, cells = prints.find(np.array(asked, np.uint64))
    found = set(zip(rows.tolist(), cells.tolist(), strict=True))
    assert found == {(row, cell) for row, key in enumerate(asked) for known, cell in model if known == key >> 8}


def test_a_key_costs_eight_bytes_of_memory_and_twenty_elsewhere() -> None:
    random = np.random.default_rng(0)
    ids, cells, size = Remembered(DAY, DAY), HeldIds(), 0
    for tick in range(0, 25 * HOUR, 5 * MINUTE):
        at = START + tick + random.integers(0, 5 * MINUTE, 300)
        ids.add(Ids(*random.integers(0, 1 << 63, (2, 300)).astype(np.uint64), at), START + tick + 5 * MINUTE)
        ids.write(cells)
    kept = len(ids)
    assert 24 * 12 * 300 <= kept <= 25 * 12 * 300
    size = sum(len(chunk) for cell in range(CELLS) for chunk in cells.read(cell))
    assert size / kept < 20.1
    assert sum(run.nbytes for run in ids._prints._runs) == 8 * kept


class _Model:
    """Accepts as the definition has it, with everything in memory."""

    def __init__(self, within: int, memory: int) -> None:
        self.within, self.memory = within, memory
        self.accepted: dict[tuple[int, int], list[int]] = {}

    def tick(self, events: list[tuple[int, int, int]], settled: int) -> list[tuple[int, int, int]]:
        accepted = []
        for high, low, at in sorted(events, key=lambda event: event[2]):
            times = self.accepted.setdefault((high, low), [])
            if not any(time >= settled - self.memory and at <= time + self.within for time in times):
                times.append(at)
                accepted.append((high, low, at))
        return sorted(accepted)


EVENT = st.tuples(HIGH, LOW, st.integers(0, 30 * HOUR))
TICKS = st.lists(st.tuples(st.integers(1, 60 * HOUR), st.lists(EVENT, min_size=1, max_size=12)), max_size=12)


#: An id that counts twice in a tick, the later one first, among more than stay in memory whole.
TWICE = [(HOUR, [(1, 0, 0), (0, 0, 0), (0, 1, 0), (1, 0, HOUR + 1), (1, 1, 0), (255, 0, 0)]), (HOUR, [(1, 0, 0)])]


@settings(max_examples=400)
@example(ticks=TWICE, within=HOUR, disorder=3 * HOUR, restarts=set())
@given(
    ticks=TICKS,
    within=st.sampled_from([HOUR, 5 * HOUR, DAY, 7 * DAY]),
    disorder=st.sampled_from([0, 3 * HOUR]),
    restarts=st.sets(st.integers(0, 11)),
)
def test_what_is_accepted_is_what_a_model_that_keeps_everything_accepts(
    ticks: list[tuple[int, list[tuple[int, int, int]]]], within: int, disorder: int, restarts: set[int]
) -> None:
    memory = within + disorder
    model, ids, cells = _Model(within, memory), Remembered(within, memory), HeldIds()
    settled = START
    for number, (step, ages) in enumerate(ticks):
        until = settled + step
        # Times from the oldest that is accepted at all up to the tick.
        events = [(high, low, max(settled - memory, until - 1 - age)) for high, low, age in ages]
        high, low, at = zip(*events, strict=True)
        asked = Ids(np.array(high, np.uint64), np.array(low, np.uint64), np.array(at, np.int64))
        accepted = asked.where(~_told(asked, ids.known(asked, settled, cells), within))
        expected = model.tick(events, settled)
        assert _rows(accepted) == expected
        if not {256, 257, (1 << 60) + 7} & set(high) and all(each == 0 for each in low):
            # No two of these keys share a fingerprint with each other, if perhaps with those of other ticks.
            likely = asked.where(~_told(asked, ids.likely(asked, settled, cells), within))
            assert set(_rows(likely)) <= set(expected)
        ids.add(accepted, until)
        ids.write(cells)
        if number in restarts:
            ids = Remembered(within, memory)
            ids.load(cells)
        settled = until


@settings(max_examples=200)
@given(ticks=TICKS, within=st.sampled_from([HOUR, DAY]))
def test_without_collisions_fingerprints_tell_what_whole_keys_tell(
    ticks: list[tuple[int, list[tuple[int, int, int]]]], within: int
) -> None:
    ids, cells = Remembered(within, within), HeldIds()
    settled = START
    for step, ages in ticks:
        until = settled + step
        at = np.array([max(settled - within, until - 1 - age) for _, _, age in ages])
        high = np.array([(high % 5) << 50 for high, _, _ in ages], np.uint64)
        asked = Ids(high, np.zeros(len(at), np.uint64), at)
        told = _told(asked, ids.known(asked, settled, cells), within)
        assert _told(asked, ids.likely(asked, settled, cells), within).tolist() == told.tolist()
        ids.add(asked.where(~told), until)
        settled = until


def test_forgotten_id_in_a_stretch_that_is_still_there_is_forgotten_for_fingerprints_too() -> None:
    def one(at: int) -> Ids:
        return Ids(np.array([1 << 60], np.uint64), np.array([1], np.uint64), np.array([START + at]))

    ids, cells = Remembered(DAY, DAY), HeldIds()
    ids.add(one(10 * MINUTE), START + HOUR)
    ids.add(Ids.joined([]), START + DAY + 30 * MINUTE)
    late, settled = one(DAY - 5 * MINUTE), START + DAY + 30 * MINUTE
    assert len(ids.known(late, settled, cells)) == len(ids.likely(late, settled, cells)) == 0
    assert len(ids) == 1


def test_ids_move_to_other_cells_where_the_time_that_they_are_remembered_changes() -> None:
    at = np.arange(START, START + 30 * HOUR, HOUR // 2)
    kept = Ids(np.arange(len(at), dtype=np.uint64) << np.uint64(40), np.ones(len(at), np.uint64), at)
    cells, before, after = HeldIds(), Remembered(2 * DAY, 2 * DAY), Remembered(DAY, DAY + 6 * HOUR)
    before.add(kept, START + 30 * HOUR)
    before.write(cells)
    after.load(cells)
    assert len(after) == len(kept)
    assert _rows(after.known(kept, START + 30 * HOUR, cells)) == _rows(kept)
    after.add(Ids.joined([]), START + 60 * HOUR + MINUTE)
    after.write(cells)
    assert len(after) == 0


def test_ring_has_room_for_what_is_remembered() -> None:
    for memory in (HOUR, DAY, DAY + 10_000_000, 26 * HOUR, 26 * HOUR + 1, 7 * DAY, 30 * DAY):
        ring = Ring.of(memory)
        for until in (START + 1, START + HOUR - 1, START + HOUR, START + 7 * HOUR + 3):
            hours = range((until - memory) // HOUR, (until - 1) // HOUR + 1)
            assert len({ring.stretch(hour) for hour in hours}) < CELLS


def test_keys_tell_user_id_and_shard_apart() -> None:
    random = np.random.default_rng(0)
    users = [random.bytes(32) for _ in range(200)]
    keys = EventKeys()
    keys.meet(users[:100])
    keys.meet(users)
    everyone = np.repeat(np.arange(200), 3)
    hashes = {name: np.tile(random.integers(0, 1 << 63, 3).astype(np.uint64), 200) for name in ("id_high", "id_low")}
    high, low = keys.of(EventRows({"user": everyone, **hashes}, {}))
    assert len(set(zip(high.tolist(), low.tolist(), strict=True))) == 600
    for shards in (1, 2, 3, 4, 5, 7, 8, 16, 32, 64):
        assert knows_shards(shards)
        expected = [int.from_bytes(users[user][:8], "little") % shards for user in everyone.tolist()]
        assert shards_of(low, shards).tolist() == expected
    assert not knows_shards(19)


def _told(asked: Ids, known: Ids, within: int) -> np.ndarray:
    rows = EventRows({"at": asked.at, "row": np.arange(len(asked))}, {})
    return repeated(rows, asked, known, content=["row"], within=within)


def _rows(ids: Ids) -> list[tuple[int, int, int]]:
    return sorted(zip(ids.high.tolist(), ids.low.tolist(), ids.at.tolist(), strict=True))
