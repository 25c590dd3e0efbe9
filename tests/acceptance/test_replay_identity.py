"""However a log is ordered, repeated, batched, sharded and advanced over: the settled changes are the same bytes."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.rules.file import load_rules
from tests.acceptance.comparing import assert_equals_oracle, of_frame, oracle_for
from tests.acceptance.driving import frame, settle, settle_live
from tests.acceptance.logs import MINUTE, RULES, Event, conflicting_logs, logs

by_rules = pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
few = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@st.composite
def deliveries(draw: st.DrawFn, log: list[Event]) -> list[Event]:
    """The log in any order, some events several times."""
    repeated = draw(st.lists(st.sampled_from(log), max_size=8))
    return draw(st.permutations([*log, *repeated]))


def cuts() -> st.SearchStrategy[dict[str, Any]]:
    """Ways to cut a run into shards, batches and advances."""
    steps = st.lists(st.sampled_from([1, 1, 2, 5, 30]), max_size=4)
    return st.fixed_dictionaries(
        {"shards": st.sampled_from([1, 3, 16]), "batch": st.sampled_from([1, 4, 1000]), "steps": steps}
    )


def assert_identical(changes: pl.DataFrame, expected: pl.DataFrame) -> None:
    """Byte by byte, with the first differing row told."""
    if changes.write_ndjson() != expected.write_ndjson():
        rows = zip(changes.to_dicts(), expected.to_dicts(), strict=False)
        differing = next(((a, b) for a, b in rows if a != b), (len(changes), len(expected)))
        raise AssertionError(json.dumps(differing, indent=1))


@by_rules
@few
@given(data=st.data())
def test_every_cut_equals_the_oracle(path: Path, data: st.DataObject) -> None:
    rules = load_rules(str(path))
    log = data.draw(logs(path))
    expected = settle(rules, frame(log, rules), shards=1)
    oracle = oracle_for(path)
    oracle.load_events(log)
    assert_equals_oracle(of_frame(expected), oracle)
    delivered = frame(data.draw(deliveries(log)), rules)
    assert_identical(settle(rules, delivered, **data.draw(cuts())), expected)


@by_rules
@few
@given(data=st.data())
def test_same_id_and_time_with_other_content(path: Path, data: st.DataObject) -> None:
    rules = load_rules(str(path))
    log = data.draw(conflicting_logs(path))
    expected = settle(rules, frame(log, rules), shards=1)
    delivered = frame(data.draw(deliveries(log)), rules)
    assert_identical(settle(rules, delivered, **data.draw(cuts())), expected)


@by_rules
@few
@given(data=st.data())
def test_log_that_arrives_within_the_disorder(path: Path, data: st.DataObject) -> None:
    rules = load_rules(str(path))
    log = data.draw(conflicting_logs(path))
    disorder = data.draw(st.sampled_from([0, 7 * MINUTE, 90 * MINUTE]))
    delays = data.draw(st.lists(st.integers(0, disorder), min_size=len(log), max_size=len(log)))
    arrival = sorted(range(len(log)), key=lambda row: (log[row]["occurred_at"] + delays[row], row))
    delivered = frame([log[row] for row in arrival], rules)
    shards, batch = data.draw(st.sampled_from([(1, 1), (3, 5), (16, 15)]))
    live = settle_live(rules, delivered, disorder, shards=shards, batch=batch)
    assert_identical(live, settle(rules, frame(log, rules), shards=1))
