"""The upgrade contract on Dataflow: `--update` takes a graph whose names, coders and state fit the running one's."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.coders import PickleCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import StateSpec
from apache_beam.typehints import KV

from tests.dataflow.snapshot import COMMITTED, changes, current, snapshot, text_of
from transforms.assign_segments import _AssignLive
from transforms.event_batch import EventBatchCoder
from transforms.shard_users import ShardUsers
from transforms.track_users import TrackUsers, _TrackLive

BROKEN = (
    "the graph on Dataflow is no longer the committed one. A running job can't be updated to it where a name, a coder "
    "or state is gone or changed: keep the old ones, or drain (docs/deploy-dataflow.md). Where it is meant, renew the "
    "snapshot by `.venv/bin/python -m tests.dataflow.snapshot`, and write an upgrade note.\n {}"
)


@contextmanager
def _named(kind: type, name: str) -> Iterator[None]:
    """A class under another name; monkeypatch can't put such a name back."""
    before = kind.__name__, kind.__qualname__
    kind.__name__ = kind.__qualname__ = name
    try:
        yield
    finally:
        kind.__name__, kind.__qualname__ = before


class _As(beam.PTransform[Any, Any]):
    """What another transform does, as a step of its own."""

    def __init__(self, expand: Callable[[Any, Any], Any], outer: Any) -> None:
        super().__init__()
        self._expand = expand
        self._outer = outer

    def expand(self, batches: Any) -> Any:
        return self._expand(self._outer, batches)


def names(specs: list[StateSpec]) -> list[str]:
    return [spec.name for spec in specs]


def _changes() -> list[str]:
    return changes(json.loads(COMMITTED.read_text(encoding="utf-8")), json.loads(json.dumps(snapshot(current()))))


def test_graph_is_the_committed_one() -> None:
    found = _changes()
    assert not found, BROKEN.format("\n ".join(found))


def test_text_is_the_same_every_time() -> None:
    assert text_of(current()) == text_of(current()) == COMMITTED.read_text(encoding="utf-8")


def test_state_timers_and_source_are_in_it() -> None:
    steps = json.loads(COMMITTED.read_text(encoding="utf-8"))["steps"]
    stateful = {name: sorted({**step["state"], **step["timers"]}) for name, step in steps.items() if step.get("state")}
    assert {"track_head", "track_snapshot_2", "track_ids_00", "track_ids_27"} < set(names(_TrackLive.CELLS))
    assert stateful == {
        "AssignSegments/Assign/ParDo(_AssignLive)": sorted([*names(_AssignLive.CELLS), "ts-assign_tick"]),
        "TrackUsers/Track/ParDo(_TrackLive)": sorted([*names(_TrackLive.CELLS), "ts-track_tick"]),
    }
    assert steps["ReadPubsub/Read/Read"]["kind"] == "beam:transform:pubsub_read:v1"


def test_renamed_step_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    expand = ShardUsers.expand
    monkeypatch.setattr(ShardUsers, "expand", lambda self, batches: batches | "Renamed" >> _As(expand, self))
    found = _changes()
    assert "gone: steps > ShardUsers/SplitByShard" in found
    assert "new: steps > ShardUsers/Renamed/SplitByShard" in found


def test_renamed_class_of_a_composite_is_none() -> None:
    with _named(TrackUsers, "Renamed"):
        assert not _changes()


def test_renamed_do_fn_is_found() -> None:
    with _named(_TrackLive, "_Renamed"):
        found = _changes()
    assert "gone: steps > TrackUsers/Track/ParDo(_TrackLive)" in found
    assert "new: steps > TrackUsers/Track/ParDo(_Renamed)" in found


@pytest.mark.parametrize(
    ("spec", "step"),
    [
        *((spec, "TrackUsers/Track/ParDo(_TrackLive)") for spec in _TrackLive.CELLS[:6]),
        *((spec, "AssignSegments/Assign/ParDo(_AssignLive)") for spec in _AssignLive.CELLS),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_coder_of_state_is_found(spec: Any, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec, "coder", PickleCoder())
    [found] = _changes()
    assert found.startswith(f"changed: steps > {step} > state > {spec.name} > ")
    assert found.endswith("beam:coder:bytes:v1 is now apache_beam.coders.coders.PickleCoder")


def test_renamed_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    [log] = (spec for spec in _AssignLive.CELLS if spec.name == "assign_log")
    monkeypatch.setattr(log, "name", "assign_journal")
    place = "steps > AssignSegments/Assign/ParDo(_AssignLive) > state > "
    assert _changes() == [f"gone: {place}assign_log", f"new: {place}assign_journal"]


def test_timer_of_another_name_or_clock_is_found() -> None:
    found = snapshot(current())
    changed = json.loads(json.dumps(found))
    timers = changed["steps"]["TrackUsers/Track/ParDo(_TrackLive)"]["timers"]
    timers["another"] = timers.pop("ts-track_tick")
    assert len(changes(found, changed)) == 2
    timers["ts-track_tick"] = {**timers.pop("another"), "time": TimeDomain.REAL_TIME}
    assert len(changes(found, changed)) == 1


def test_coder_between_steps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    expand = ShardUsers.expand

    def untyped(self: ShardUsers, batches: Any) -> Any:
        sharded = expand(self, batches)
        sharded.element_type = KV[int, Any]
        return sharded

    monkeypatch.setattr(ShardUsers, "expand", untyped)
    [found] = _changes()
    assert found.startswith("changed: collections > 23ShardUsers/SplitByShard.None > coder: beam:coder:kv:v1(")
    assert found.endswith("FastPrimitivesCoder)")


def test_another_class_of_a_coder_is_found() -> None:
    graph = current()
    with _named(EventBatchCoder, "AnotherCoder"):
        found = changes(json.loads(COMMITTED.read_text(encoding="utf-8")), json.loads(text_of(graph)))
    assert [line for line in found if line.endswith("EventBatchCoder is now transforms.event_batch.AnotherCoder")]
