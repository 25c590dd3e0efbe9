"""Shards' assigners split by users and joined again, in the middle of a run: nothing of it shows in the changes."""

from functools import reduce
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import generate
from segmentation.membership.assigner import Assigner
from segmentation.rules.file import load_rules
from segmentation.units import DAY, HOUR
from tests.acceptance.driving import KEYS, Core, decoded

RULES = load_rules(str(Path(__file__).parents[1] / "acceptance" / "rules" / "every_kind.yaml"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    generate(TrafficOptions(users=60, days=4, seed=5), str(path))
    return decoded(path, RULES)


@pytest.fixture(scope="module")
def unsplit(log: pl.DataFrame) -> pl.DataFrame:
    return _driven(log, [], [])


@settings(max_examples=8, deadline=None)
@given(
    parts=st.lists(st.integers(0, 2), min_size=60, max_size=60),
    ticks=st.lists(st.integers(1, 95), min_size=1, max_size=4, unique=True).map(sorted),
)
def test_split_and_joined_again_changes_nothing(
    log: pl.DataFrame, unsplit: pl.DataFrame, parts: list[int], ticks: list[int]
) -> None:
    assert _driven(log, parts, ticks).equals(unsplit)


def test_users_that_are_left_out_are_gone(log: pl.DataFrame) -> None:
    core = _half_way(log)
    (assigner,) = core.assigners
    everyone = list(assigner.users)
    assigner.keep(np.array([5, 2]))
    assert assigner.users == [everyone[5], everyone[2]]
    assert everyone[0] not in assigner.snapshot()
    restored = Assigner(RULES, KEYS.publish)
    restored.restore(assigner.snapshot())
    assert restored.snapshot() == assigner.snapshot()


def _half_way(log: pl.DataFrame) -> Core:
    core = Core(RULES, shards=1)
    core.add(log)
    core.advance(core.first_due() + 2 * DAY)
    return core


def _driven(log: pl.DataFrame, parts: list[int], ticks: list[int]) -> pl.DataFrame:
    """The changes of a run whose users are split as ``parts`` says after so many hours, and joined."""
    core = Core(RULES, shards=1)
    core.add(log)
    start = core.first_due()
    for tick in ticks:
        core.advance(start + tick * HOUR)
        core.assigners = [_split_and_joined(core.assigners[0], parts)]
    core.advance(core.last_due())
    return core.changes()


def _split_and_joined(assigner: Assigner, parts: list[int]) -> Assigner:
    data, of_user = assigner.snapshot(), np.array(parts)[: len(assigner.users)]
    pieces = []
    for part in range(3):
        piece = Assigner(RULES, KEYS.publish)
        piece.restore(data)
        piece.keep(np.flatnonzero(of_user == part))
        pieces.append(piece)
    return reduce(_joined, pieces)


def _joined(one: Assigner, other: Assigner) -> Assigner:
    one.join(other)
    return one
