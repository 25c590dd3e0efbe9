"""The audit of a live stage: what leaves it, and that a call which is repeated repeats its records."""

from typing import Any

import polars as pl
import pytest

from segmentation.columns.frames import decode_frames
from segmentation.identity.sharder import Sharder
from segmentation.rules.file import parse_rules
from segmentation.units import HOUR, MINUTE, SECOND
from tests.transforms.live_shard import Stage
from transforms.keys.sources import DEMO_KEYS, PUBLISH_KEY, STATE_KEY, KeySource, SecretKeyError
from transforms.state.facts import StateFacts
from transforms.state.timing import Timing
from transforms.track_users import Auditor, TrackUsers

START = 1_767_225_600_000_000
RULES = parse_rules(
    """
version: 1
tick: 1h
features: {clicks: {kind: rolling_count, window: 3h, every: 1h, event: click}}
segments: {busy: {when: clicks >= 2}}
""",
    "rules.yaml",
)


def _stage(auditor: Auditor | None) -> Stage:
    """A shard whose first tick has settled, and for which a late event waits."""
    facts = StateFacts(RULES, Timing(bounded=False, max_disorder=10 * SECOND), 1, KeySource(demo=True))
    stage = Stage(TrackUsers(facts, early=False, auditor=auditor).live_fn)
    for number, at in enumerate((30 * MINUTE, 90 * MINUTE, 40 * MINUTE)):
        frame = pl.DataFrame(
            {"event_id": [f"e{number}"], "user_id": ["u"], "name": ["click"], "occurred_at": [START + at]}
        )
        stage.process(Sharder(RULES, 1, DEMO_KEYS).split(frame, START + at)[0].encode())
        if number == 1:
            assert "audit" not in [output.tag for output in stage.fire()]
    return stage


def _audited(outputs: list[Any]) -> list[bytes]:
    return [output.value for output in outputs if output.tag == "audit"]


def test_late_event_leaves_with_the_tick_from_which_it_counts() -> None:
    [frame] = _audited(_stage(Auditor(1, KeySource(demo=True))).fire())
    records = decode_frames(frame)[1]["audit"]
    assert records.select("event_name", "occurred_at", "counted_at").rows() == [
        ("click", START + 40 * MINUTE, START + 2 * HOUR)
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_repeated_call_repeats_its_records(restart: bool) -> None:
    stage = _stage(Auditor(1, KeySource(demo=True)))
    cells = stage.cells()
    first = _audited(stage.fire())
    stage.put_back(cells)
    if restart:
        stage.restart()
    assert _audited(stage.fire()) == first != []


def test_state_of_a_job_without_audit_is_one_of_a_job_with_it() -> None:
    without, audited = _stage(None), _stage(Auditor(1, KeySource(demo=True)))
    assert without.cells() == audited.cells()
    assert _audited(without.fire()) == []
    audited.fire()
    assert without.cells() == audited.cells()


def test_key_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (STATE_KEY, PUBLISH_KEY, f"{STATE_KEY}_FILE", f"{PUBLISH_KEY}_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SecretKeyError, match=STATE_KEY):
        _stage(Auditor(1, KeySource())).fire()
