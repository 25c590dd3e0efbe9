"""Users who are forgotten, and come back: like the oracle's lives, and the same however the log is cut."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.rules.file import load_rules
from tests.acceptance.comparing import assert_equals_oracle, of_frame, oracle_for
from tests.acceptance.driving import frame, settle, settle_live
from tests.acceptance.logs import MINUTE, RULES, conflicting_logs, logs
from tests.acceptance.test_replay_identity import assert_identical, cuts, deliveries

few = settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
AFTER = {
    "fuzz_windows": ("5m", "10m", "25m", "1h"),
    "fuzz_journeys": ("10m", "30m", "1h", "1d"),
    "fuzz_values": ("1h", "9h", "1d", "3d"),
}
CASES = [(path, after) for path in RULES for after in AFTER[path.stem]]
#: Segments that hold where nothing is known of a user: of users who are forgotten not even these hold.
NEGATED = """
  known: {when: "TRUE", min_dwell: 9d}
  kept: {when: "NOT FALSE", until: "FALSE", group: life, priority: 2, min_dwell: 2d}
  rest: {when: "TRUE", group: life, priority: 1}
  unlike: {when: NOT in_segment('rest') AND NOT in_segment('known')}
"""
by_case = pytest.mark.parametrize(("path", "after"), CASES, ids=lambda case: getattr(case, "stem", case))


def rules_of(folder: Path, path: Path, after: str) -> Path:
    written = folder / f"{path.stem}_{after}.yaml"
    written.write_text(f"{path.read_text(encoding='utf-8')}{NEGATED}forget_after: {after}\n", encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rules")


@by_case
@few
@given(data=st.data())
def test_every_cut_equals_the_oracle(folder: Path, path: Path, after: str, data: st.DataObject) -> None:
    written = rules_of(folder, path, after)
    rules = load_rules(str(written))
    log = data.draw(logs(path))
    oracle = oracle_for(written)
    oracle.load_events(log)
    expected = settle(rules, frame(log, rules), shards=1)
    assert_equals_oracle(of_frame(expected), oracle)
    delivered = frame(data.draw(deliveries(log)), rules)
    assert_identical(settle(rules, delivered, **data.draw(cuts()), reload=data.draw(st.booleans())), expected)


@by_case
@few
@given(data=st.data())
def test_log_that_arrives_within_the_disorder(folder: Path, path: Path, after: str, data: st.DataObject) -> None:
    rules = load_rules(str(rules_of(folder, path, after)))
    log = data.draw(conflicting_logs(path))
    disorder = data.draw(st.sampled_from([0, 7 * MINUTE, 90 * MINUTE]))
    delays = data.draw(st.lists(st.integers(0, disorder), min_size=len(log), max_size=len(log)))
    arrival = sorted(range(len(log)), key=lambda row: (log[row]["occurred_at"] + delays[row], row))
    delivered = frame([log[row] for row in arrival], rules)
    shards, batch = data.draw(st.sampled_from([(1, 1), (3, 5), (16, 15)]))
    live = settle_live(rules, delivered, disorder, shards=shards, batch=batch, reload=data.draw(st.booleans()))
    assert_identical(live, settle(rules, frame(log, rules), shards=1))
