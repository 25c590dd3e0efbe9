"""The whole pipeline, from file to file: every order, shard count and runner gives the changes that the core gives."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import generate
from segmentation.rules.file import load_rules
from segmentation.units import MINUTE
from tests.acceptance.comparing import assert_equals_oracle, of_file, of_frame, oracle_for, without_emission
from tests.acceptance.driving import NOW, decoded, frame, settle
from tests.acceptance.logs import RULES, conflicting_logs, logs
from tests.acceptance.running import run, write_log

EXAMPLE = Path(__file__).parents[2] / "examples" / "rules.yaml"
very_few = settings(max_examples=4, suppress_health_check=list(HealthCheck))


def assert_any_delivery_is_like_the_core(data: st.DataObject, *options: str) -> None:
    path = data.draw(st.sampled_from(RULES))
    rules = load_rules(str(path))
    log = data.draw(conflicting_logs(path))
    expected = sorted(of_frame(settle(rules, frame(log, rules))))
    lines = []
    for shards in data.draw(st.permutations([1, 3, 16]))[:2]:
        repeated = data.draw(st.lists(st.sampled_from(log), max_size=5))
        delivered = data.draw(st.permutations([*log, *repeated]))
        with tempfile.TemporaryDirectory() as folder:
            half = len(delivered) // 2
            write_log(Path(folder, "events-1.jsonl"), delivered[:half])
            write_log(Path(folder, "events-2.jsonl"), delivered[half:])
            out = Path(folder, "changes.jsonl")
            run(path, Path(folder, "events-*.jsonl"), out, "--shards", str(shards), *options)
            assert sorted(of_file(out)) == expected
            lines.append(without_emission(out))
    assert lines[0] == lines[1]


@very_few
@given(data=st.data())
def test_any_delivery_on_fn_api_runner(data: st.DataObject) -> None:
    assert_any_delivery_is_like_the_core(data)


@pytest.mark.prism
@very_few
@given(data=st.data())
def test_any_delivery_on_prism(prism_location: str, data: st.DataObject) -> None:
    assert_any_delivery_is_like_the_core(data, "--runner", "PrismRunner", f"--prism_location={prism_location}")


def assert_ends_like_the_oracle(data: st.DataObject, *options: str) -> None:
    """Without the closing heartbeat the log may end with a duplicate, which nothing may be settled after."""
    path = data.draw(st.sampled_from(RULES))
    log = data.draw(logs(path))[:-1]
    oracle = oracle_for(path)
    oracle.load_events(log, now=NOW)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "changes.jsonl")
        events = write_log(Path(folder, "events.jsonl"), data.draw(st.permutations(log)))
        run(path, events, out, "--shards", str(data.draw(st.sampled_from([1, 3]))), *options)
        assert_equals_oracle(of_file(out), oracle)


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_log_without_a_heartbeat_at_its_end(data: st.DataObject) -> None:
    assert_ends_like_the_oracle(data)


@pytest.mark.prism
@very_few
@given(data=st.data())
def test_log_without_a_heartbeat_at_its_end_on_prism(prism_location: str, data: st.DataObject) -> None:
    assert_ends_like_the_oracle(data, "--runner", "PrismRunner", f"--prism_location={prism_location}")


IDLE = """
version: 1
tick: 1h
features: {seen: {kind: recency}}
segments: {idle: {when: hours_since(seen) > 1}}
"""


@pytest.mark.parametrize("shards", ["1", "5"])
def test_duplicate_at_the_end_moves_no_time(tmp_path: Path, shards: str) -> None:
    at_ten, at_two = 1_767_261_600_000_000, 1_767_276_000_000_000
    log = [
        {"event_id": "x", "user_id": "u", "name": "view", "occurred_at": at_ten},
        {"event_id": "x", "user_id": "u", "name": "view", "occurred_at": at_two},
    ]
    rules = tmp_path / "rules.yaml"
    rules.write_text(IDLE, encoding="utf-8")
    changes = tmp_path / "changes.jsonl"
    run(rules, write_log(tmp_path / "events.jsonl", log), changes, "--shards", shards)
    # The log ends at eleven; the user would only be idle from twelve on.
    assert changes.read_text() == ""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated") / "events.jsonl"
    options = TrafficOptions(
        users=200, days=6, seed=11, disorder=10 * MINUTE, duplicates=0.05, malformed=0.01, drift=0.1
    )
    generate(options, str(path))
    return path


@pytest.fixture(scope="module")
def on_fn_api_runner(simulated: Path) -> Path:
    changes = simulated.parent / "fn_api_runner.jsonl"
    run(EXAMPLE, simulated, changes, "--shards", "3")
    return changes


def test_simulated_log_on_fn_api_runner_equals_the_oracle(simulated: Path, on_fn_api_runner: Path) -> None:
    oracle = oracle_for(EXAMPLE)
    oracle.load_events(simulated, now=NOW)
    assert_equals_oracle(of_file(on_fn_api_runner), oracle)


def test_simulated_log_through_the_pipeline_equals_the_core(simulated: Path, on_fn_api_runner: Path) -> None:
    rules = load_rules(str(EXAMPLE))
    core = settle(rules, decoded(simulated, rules), shards=1)
    lines = [json.loads(line) for line in without_emission(on_fn_api_runner)]
    found = {line["change_id"]: (line["cause"], line["stage"], line["evidence"]) for line in lines}
    rows = core.select("change_id", "cause", "stage", "evidence").iter_rows()
    assert found == {change_id: (cause, stage, json.loads(evidence)) for change_id, cause, stage, evidence in rows}


@pytest.mark.prism
def test_simulated_log_on_prism_is_the_same(simulated: Path, on_fn_api_runner: Path, prism_location: str) -> None:
    changes = simulated.parent / "prism.jsonl"
    run(EXAMPLE, simulated, changes, "--shards", "16", "--runner", "PrismRunner", f"--prism_location={prism_location}")
    assert without_emission(changes) == without_emission(on_fn_api_runner)
