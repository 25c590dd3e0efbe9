"""The profile store: the same tables whatever is replayed, reordered, or cut off between batches."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.options.errors import OptionError
from pipeline.stores.profile_store import Membership, ProfileStore
from pipeline.stores.sqlite import SqliteStore
from pipeline.stores.store import StoreError
from pipeline.stores.stores import parse_store
from schemas.errors import SchemaError
from schemas.types import Profile, SegmentChange
from segmentation.outputs.profile_frame import PROFILE_COLUMNS
from tests.pipeline.io.changes import CHANGE, START, TICK, consistent_log, frame

ROOT = Path(__file__).parents[3]
Tables = dict[str, list[tuple[Any, ...]]]


def profiles_frame(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Rows of subject_id, as_of, sequence, rules_version, memberships, features."""
    return pl.DataFrame(list(rows), schema=PROFILE_COLUMNS, orient="row")


def tables(path: Path) -> Tables:
    with sqlite3.connect(path) as connection:
        names = ("profiles", "memberships", "membership_history")
        found = {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}
    connection.close()
    return found


def open_store(path: Path) -> ProfileStore:
    return SqliteStore(str(path), option="--store").open()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profiles.db"


@pytest.fixture
def store(path: Path) -> Iterator[ProfileStore]:
    opened = open_store(path)
    yield opened
    opened.close()


def test_change_gives_profile_membership_and_history(store: ProfileStore) -> None:
    store.apply_changes(frame(CHANGE))
    assert store.profile("s1.a") == Profile("s1.a", 1, ("power_user",), (), {}, START, 1)
    assert store.memberships("s1.a") == [Membership("power_user", START, "c1", 1)]
    assert store.history("s1.a") == [CHANGE]


def test_unknown_subject_has_nothing(store: ProfileStore) -> None:
    assert store.profile("s1.b") is None
    assert store.memberships("s1.b") == []
    assert store.history("s1.b") == []


def test_exit_ends_membership_and_keeps_history(store: ProfileStore) -> None:
    log = consistent_log([(0, 0), (0, 1), (0, 0)])
    store.apply_changes(frame(*log))
    assert store.memberships("s0") == [Membership("g1", START + TICK, "c1", 2)]
    assert store.history("s0") == log


def test_exit_that_comes_before_its_entry_leaves_no_phantom(store: ProfileStore) -> None:
    entered, exited = consistent_log([(0, 0), (0, 0)])
    store.apply_changes(frame(exited))
    store.apply_changes(frame(entered))
    assert store.memberships("s0") == []
    profile = store.profile("s0")
    assert profile is not None
    assert (profile.sequence, profile.memberships) == (2, ())


def test_entry_to_another_segment_that_comes_late_is_not_lost(store: ProfileStore) -> None:
    first, second = consistent_log([(0, 0), (0, 1)])
    store.apply_changes(frame(second))
    store.apply_changes(frame(first))
    assert [row.segment for row in store.memberships("s0")] == ["g0", "g1"]


def test_replayed_change_with_another_emission_time_changes_nothing(store: ProfileStore, path: Path) -> None:
    store.apply_changes(frame(CHANGE))
    before = tables(path)
    store.apply_changes(frame(replace(CHANGE, emitted_at=START + 99)))
    assert tables(path) == before


def test_return_takes_the_time_of_the_return(store: ProfileStore) -> None:
    store.apply_changes(frame(*consistent_log([(0, 0), (0, 0), (0, 0)])))
    assert store.memberships("s0") == [Membership("g0", START + 2 * TICK, "c2", 3)]


def test_early_changes_are_passed_over(store: ProfileStore) -> None:
    store.apply_changes(frame(replace(CHANGE, stage="EARLY", early_index=1)))
    assert store.profile("s1.a") is None
    assert store.history("s1.a") == []


def test_empty_frames_change_nothing(store: ProfileStore, path: Path) -> None:
    store.apply_changes(frame())
    store.apply_profiles(profiles_frame())
    assert not any(tables(path).values())


def test_profile_brings_features_and_keeps_newer_memberships(store: ProfileStore) -> None:
    store.apply_changes(frame(*consistent_log([(0, 0), (0, 1)])))
    store.apply_profiles(profiles_frame(("s0", START, 1, 1, '["g0"]', '{"engagement":7,"source":null}')))
    assert store.profile("s0") == Profile("s0", 2, ("g0", "g1"), (), {"engagement": 7, "source": None}, START + TICK, 1)


def test_profile_of_the_same_sequence_at_a_later_tick_brings_new_features(store: ProfileStore) -> None:
    store.apply_profiles(profiles_frame(("s0", START, 0, 1, "[]", '{"engagement":1}')))
    store.apply_profiles(profiles_frame(("s0", START + TICK, 0, 2, "[]", '{"engagement":2}')))
    store.apply_profiles(profiles_frame(("s0", START, 0, 1, "[]", '{"engagement":1}')))
    assert store.profile("s0") == Profile("s0", 0, (), (), {"engagement": 2}, START + TICK, 2)


def _profiles_of(log: list[SegmentChange]) -> list[tuple[Any, ...]]:
    """A profile a tick for each subject that the log has named by then."""
    last: dict[str, SegmentChange] = {}
    rows: list[tuple[Any, ...]] = []
    for change in log:
        last[change.subject_id] = change
        for subject, own in last.items():
            names = "[" + ",".join(f'"{name}"' for name in own.memberships) + "]"
            rows.append((subject, change.effective_at, own.sequence, 1, names, f'{{"at":{change.effective_at}}}'))
    return rows


@settings(max_examples=25, deadline=None)
@given(
    toggles=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=10),
    seed=st.integers(0, 2**32),
    size=st.integers(2, 6),
)
def test_replays_and_any_order_of_batches_give_the_same_tables(
    tmp_path_factory: pytest.TempPathFactory, toggles: list[tuple[int, int]], seed: int, size: int
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    log = consistent_log(toggles)
    rows = _profiles_of(log)
    straight = open_store(Path(folder) / "straight.db")
    straight.apply_changes(frame(*log))
    straight.apply_profiles(profiles_frame(*rows))
    straight.close()

    shuffle = random.Random(seed)
    pieces: list[Any] = [*log, *rows]
    pieces += shuffle.choices(pieces, k=len(pieces) // 2) if pieces else []
    shuffle.shuffle(pieces)
    shuffled = open_store(Path(folder) / "shuffled.db")
    for start in range(0, len(pieces), size):
        batch = pieces[start : start + size]
        shuffled.apply_profiles(profiles_frame(*[piece for piece in batch if isinstance(piece, tuple)]))
        shuffled.apply_changes(frame(*[piece for piece in batch if isinstance(piece, SegmentChange)]))
    shuffled.close()
    assert tables(folder / "shuffled.db") == tables(folder / "straight.db")


def test_memberships_of_the_store_are_those_of_the_log(store: ProfileStore) -> None:
    log = consistent_log([(subject % 5, subject % 3) for subject in range(100)])
    store.apply_changes(frame(*log))
    last = {change.subject_id: change for change in log}
    for subject, change in last.items():
        assert tuple(row.segment for row in store.memberships(subject)) == change.memberships
        profile = store.profile(subject)
        assert profile is not None
        assert profile.memberships == change.memberships


_CRASH = """
import os, sys
from pipeline.stores import profile_store
from pipeline.stores.sqlite import SqliteStore
from tests.pipeline.io.changes import consistent_log, frame
log = consistent_log([(n % 3, n % 2) for n in range(12)])
store = SqliteStore(sys.argv[1]).open()
store.apply_changes(frame(*log[:6]))
run, left = profile_store._execute, [int(sys.argv[2])]
def stop_after(*arguments):
    run(*arguments)
    left[0] -= 1
    if left[0] == 0:
        os._exit(9)
profile_store._execute = stop_after
store.apply_changes(frame(*log[6:]))
"""


@pytest.mark.parametrize("statements", [1, 2, 3, 4])
def test_crash_inside_a_batch_leaves_the_batch_before_and_a_replay_completes_it(path: Path, statements: int) -> None:
    log = consistent_log([(number % 3, number % 2) for number in range(12)])
    code = subprocess.run([sys.executable, "-c", _CRASH, str(path), str(statements)], cwd=ROOT, check=False).returncode
    assert code == 9
    store = open_store(path)
    kept = sorted(
        (change for subject in range(3) for change in store.history(f"s{subject}")), key=lambda one: one.effective_at
    )
    assert kept == log[:6]
    store.apply_changes(frame(*log))
    store.close()
    whole = open_store(path.with_name("whole.db"))
    whole.apply_changes(frame(*log))
    whole.close()
    assert tables(path) == tables(path.with_name("whole.db"))


def test_refused_batch_leaves_nothing_of_it(store: ProfileStore, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE profiles")
    connection.close()
    with pytest.raises(StoreError, match=r"^--store: .*no such table: profiles"):
        store.apply_changes(frame(CHANGE))
    assert store.history("s1.a") == []


def test_writers_at_once_wait_for_one_another(path: Path) -> None:
    log = consistent_log([(number % 7, number % 3) for number in range(60)])

    def write(start: int) -> None:
        store = open_store(path)
        for change in log[start::4]:
            store.apply_changes(frame(change))
        store.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    whole = open_store(path.with_name("whole.db"))
    whole.apply_changes(frame(*log))
    whole.close()
    assert tables(path) == tables(path.with_name("whole.db"))


def test_store_is_found_again_after_it_was_closed(path: Path) -> None:
    for change in consistent_log([(0, 0), (0, 1)]):
        store = open_store(path)
        store.apply_changes(frame(change))
        store.close()
    store = open_store(path)
    assert len(store.history("s0")) == 2
    store.close()
    assert [entry.name for entry in path.parent.iterdir()] == ["profiles.db"]


def test_frame_larger_than_one_statement_is_kept_whole(store: ProfileStore, path: Path) -> None:
    many = pl.concat([frame(CHANGE)] * 20_001).with_columns(
        change_id=pl.format("c{}", pl.int_range(20_001)), subject_id=pl.format("s{}", pl.int_range(20_001))
    )
    store.apply_changes(many)
    assert {name: len(rows) for name, rows in tables(path).items()} == {
        "profiles": 20_001,
        "memberships": 20_001,
        "membership_history": 20_001,
    }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("profiles.db", "expected a URL such as sqlite:///"),
        ("", "expected a URL such as sqlite:///"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://u:secret@h/db", "mysql:// is not available yet"),
        ("postgresql://u:secret@h/db", "postgresql:// is not available yet"),
    ],
)
def test_bad_url_names_the_option_and_no_password(url: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        parse_store("--profiles", url)
    assert str(caught.value).startswith("--profiles: ")
    assert "secret" not in str(caught.value)


def test_place_that_can_not_be_written_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database, only text " * 100)
    for place, message in (
        ("file/p.db", "can't create the folder"),
        ("file", "not a database"),
        (".", "unable to open"),
    ):
        with pytest.raises(StoreError, match=rf"^--store: .*{message}"):
            open_store(tmp_path / place)


def test_store_of_another_layout_is_refused(path: Path, store: ProfileStore) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE store_layout SET version = 99")
    connection.close()
    with pytest.raises(StoreError, match="the store has layout 99, this version needs 1"):
        open_store(path)


def test_frames_with_other_columns_are_refused(store: ProfileStore) -> None:
    with pytest.raises(SchemaError, match=r"frame of changes: missing columns \['segment'\]"):
        store.apply_changes(frame(CHANGE).drop("segment"))
    with pytest.raises(SchemaError, match="frame of profiles: as_of is Int32"):
        store.apply_profiles(profiles_frame().cast({"as_of": pl.Int32}))
