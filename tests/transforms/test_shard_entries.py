"""Entries of a shard's log: what a stage can't read is refused, at once and when it is read again from state."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segmentation.columns.encoding import encode_columns
from segmentation.messages import EventsOfShard, FeaturesOfShard, MessageError, PopulationMoves, Preview, SettledUpTo
from segmentation.rules.file import parse_rules
from tests.transforms.live_shard import Stage
from transforms.assign_segments import AssignSegments
from transforms.keys.sources import DEMO_KEYS, KeySource
from transforms.state.assigned_shard import AssignedShard
from transforms.state.facts import StateFacts
from transforms.state.timing import Timing
from transforms.state.tracked_shard import TrackedShard
from transforms.track_users import TrackUsers

TICK = 1_767_225_600_000_000
RULES = parse_rules(
    """
version: 1
features: {seen: {kind: recency}}
segments: {here: {when: seen IS NOT NULL}}
""",
    "rules.yaml",
)
LIVE = Timing(bounded=False)
FACTS = StateFacts(RULES, LIVE, 1, KeySource(demo=True))
UNKNOWN = encode_columns({"kind": "resettle", "until": TICK}, {})
NOTHING = FeaturesOfShard([], {"tick": np.empty(0, np.int64)}, {}, TICK, TICK)


def tracked() -> TrackedShard:
    return TrackedShard(RULES, LIVE)


def assigned() -> AssignedShard:
    return AssignedShard(RULES, LIVE, DEMO_KEYS.publish)


@pytest.mark.parametrize("method", ["take", "replay"])
@pytest.mark.parametrize("create", [tracked, assigned])
def test_unknown_kind_is_refused(create: Callable[[], Any], method: str) -> None:
    with pytest.raises(MessageError, match="'resettle'"):
        getattr(create(), method)(UNKNOWN)


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (tracked, PopulationMoves({})),
        (tracked, NOTHING),
        (tracked, Preview(NOTHING)),
        (assigned, EventsOfShard.only_clock(TICK)),
    ],
)
@pytest.mark.parametrize("method", ["take", "replay"])
def test_message_of_another_stage_is_refused(create: Callable[[], Any], message: Any, method: str) -> None:
    with pytest.raises(MessageError, match=type(message).__name__):
        getattr(create(), method)(message.encode())


@pytest.mark.parametrize("create", [tracked, assigned])
def test_settlement_is_only_an_entry_of_a_log(create: Callable[[], Any]) -> None:
    create().replay(SettledUpTo(TICK).encode())
    with pytest.raises(MessageError, match="SettledUpTo"):
        create().take(SettledUpTo(TICK).encode())


@pytest.mark.parametrize(
    ("create", "known"),
    [
        (TrackUsers(FACTS, early=True).live_fn, EventsOfShard.only_clock(TICK).encode()),
        (AssignSegments(FACTS, profiles=False).live_fn, PopulationMoves({}).encode()),
    ],
)
def test_state_with_an_unknown_entry_is_refused_by_the_next_worker(create: Callable[[], Any], known: bytes) -> None:
    stage = Stage(create)
    with pytest.raises(MessageError):
        stage.process(UNKNOWN)
    assert stage.head.value is None
    stage.process(known)
    assert stage.head.value is not None
    stage.head.value += len(UNKNOWN).to_bytes(4, "little") + UNKNOWN
    stage.restart()
    with pytest.raises(MessageError, match="'resettle'"):
        stage.process(known)
