"""The state of a live job for another number of shards: what comes out of the next job is as if there were one job."""

import uuid
from pathlib import Path

import polars as pl
import pytest
from apache_beam.utils.timestamp import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import generate
from segmentation.rules.file import parse_rules
from segmentation.rules.model import Rules
from segmentation.units import SECOND
from tests.acceptance.driving import decoded
from tests.transforms.live_shards import LiveShards
from transforms.state.resharding import Resharding
from transforms.state.state_folder import StateFolder
from transforms.state.timing import Timing

TEXT = """
version: 1
tick: 1h
population: {minimum: 2}
features:
  score: {kind: rolling_score, window: 12h, every: 2h, weights: {page_view: 1, feature_click: 3}}
  views: {kind: rolling_count, window: 4h, every: 1h, event: page_view}
  trip:
    kind: journey
    start: signup
    complete: {all_of: [profile_completed, {event: invite_sent, distinct: invitee, at_least: 2}]}
    deadline: 6h
  source: {kind: attribute, property: referral_source, keep: first}
  place: {kind: attribute, property: path, keep: last}
  slowest: {kind: attribute, property: latency_ms, keep: max}
  invitees: {kind: attribute, property: invitee, keep: set}
  seen: {kind: recency}
  days: {kind: distinct_days, window: 2d}
segments:
  top: {when: percentile(score) >= 70, until: percentile(score) < 50, min_dwell: 3h}
  viewers: {when: percentile(views) > 50 OR views >= 3}
  late: {when: "trip.status = 'overdue'", group: pace, priority: 1}
  done: {when: trip.time_to_complete IS NOT NULL, group: pace, priority: 2}
  paid: {when: "source IN ('paid', 'social')"}
  there: {when: "place = '/pricing'"}
  slow: {when: slowest > 200}
  inviting: {when: invitees >= 2}
  gone: {when: hours_since(seen) > 5}
  regular: {when: days >= 2}
"""
#: With users who are forgotten, and without.
BOTH = {
    forgets: parse_rules(TEXT.replace("tick: 1h\n", "tick: 1h\nforget_after: 6h\n") if forgets else TEXT, "rules.yaml")
    for forgets in (False, True)
}
RULES = BOTH[False]
DISORDER = 30 * SECOND
TIMING = Timing(bounded=False, max_disorder=DISORDER)
BATCH = 30


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> list[pl.DataFrame]:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    generate(TrafficOptions(users=40, days=2, seed=8, disorder=10 * SECOND), str(path))
    events = decoded(path, RULES)
    return [events[start : start + BATCH] for start in range(0, len(events), BATCH)]


@pytest.fixture(scope="module")
def undivided(batches: list[pl.DataFrame]) -> dict[bool, set[tuple[object, ...]]]:
    return {forgets: to_the_end(LiveShards(rules, TIMING, 1), batches) for forgets, rules in BOTH.items()}


def to_the_end(job: LiveShards, batches: list[pl.DataFrame]) -> set[tuple[object, ...]]:
    """The settled changes of a job that reads the whole log."""
    feed(job, batches, len(batches))
    job.watermark(Timestamp(micros=last(batches) + 3600 * SECOND))
    return job.settled


def last(batches: list[pl.DataFrame]) -> int:
    return max(int(batch["occurred_at"].to_numpy().max()) for batch in batches)


def feed(job: LiveShards, batches: list[pl.DataFrame], count: int, *, between: bool = False) -> None:
    """The first batches of the log, each with the watermark that comes after it.

    ``between``: the last tick has settled in the first stage and not yet in the second.
    """
    latest = 0
    for number, batch in enumerate(batches[:count], 1):
        job.events(batch)
        latest = max(latest, int(batch["occurred_at"].to_numpy().max()))
        job.watermark(Timestamp(micros=latest // 1000 * 1000), assign=not between or number < count)


def moved(job: LiveShards, rules: Rules, folder: Path, shards: int) -> LiveShards:
    """The job that goes on with another number of shards."""
    out, into = (str(folder / f"{uuid.uuid4().hex[:8]}") for _ in range(2))
    StateFolder(out).make()
    job.dump(out)
    Resharding(StateFolder(out), StateFolder(into), shards, rules, TIMING).run(lambda _: None)
    return LiveShards(rules, TIMING, shards, into)


@settings(max_examples=8, deadline=None)
@given(
    stops=st.lists(st.floats(0.05, 0.95), min_size=1, max_size=2).map(sorted),
    shards=st.lists(st.sampled_from([1, 2, 3, 4, 6, 19]), min_size=3, max_size=3),
    between=st.booleans(),
    forgets=st.booleans(),
)
def test_next_jobs_put_out_what_one_job_does(
    batches: list[pl.DataFrame],
    undivided: dict[bool, set[tuple[object, ...]]],
    tmp_path_factory: pytest.TempPathFactory,
    stops: list[float],
    shards: list[int],
    between: bool,
    forgets: bool,
) -> None:
    folder, rules, expected = tmp_path_factory.mktemp("state"), BOTH[forgets], undivided[forgets]
    job, found = LiveShards(rules, TIMING, shards[0]), set()
    for stop, number in zip(stops, shards[1:], strict=False):
        feed(job, batches, 1 + int(stop * len(batches)), between=between)
        found |= job.settled
        job = moved(job, rules, folder, number)
    found |= to_the_end(job, batches)
    missing, extra = expected - found, found - expected
    assert not [*missing, *extra], f"{len(missing)} missing, {len(extra)} extra of {len(expected)}"
