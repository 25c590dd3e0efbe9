"""What outlives a release: the fingerprint of rules that mean the same, and the tables in which a shard keeps users.

A savepoint of an earlier release is read by this one, so neither may change unless the layout's version does.
"""

from pathlib import Path

import pytest

from segmentation.columns.frames import decode_frames
from segmentation.rules.file import load_rules, parse_rules
from segmentation.tracking.tracker import Tracker
from segmentation.units import SECOND

ROOT = Path(__file__).parents[2]

FINGERPRINTS = {
    "examples/rules.yaml": "c30c7ee7768ee87f11928605d2ec57e3140550b47b235211803cc019ae6ed2bc",
    "tests/bench/rules.yaml": "d2976627ef22bcd7358db921ca126e253bbea3c8a8e29bcf564f2fbcb3e42381",
    "tests/bench/storm.yaml": "9ab2f0a9b7e2a5e257a1d2e2bd8fcd7426b32f1786719a4bc1334f5eb633334f",
    "all kinds": "093ab67a22d8ae158bb0a187bc7f26b32a3b77a76462c04c014d1a2c062c43ec",
}

ALL_KINDS = """
version: 1
tick: 5m
features:
  score: {kind: rolling_score, window: 7d, every: 1h, weights: {page_view: 1}, default_weight: 2}
  clicks: {kind: rolling_count, window: 1h, every: 5m, events: [click, tap]}
  trip:
    kind: journey
    start: signup
    complete: {any_of: [done, {event: invite, at_least: 2, distinct: invitee}]}
    deadline: 24h
  source: {kind: attribute, property: source, keep: first, values: [paid, organic], event: signup}
  plan: {kind: attribute, property: plan, keep: last}
  amount: {kind: attribute, property: amount, keep: max}
  devices: {kind: attribute, property: device, keep: set}
  offers: {kind: attribute, property: offer, keep: set}
  seen: {kind: recency}
  days: {kind: distinct_days, window: 3d, events: [click]}
segments:
  top: {when: percentile(score) >= 80, until: percentile(score) < 70, min_dwell: 6h}
  late: {when: "trip.status = 'overdue' AND source IN ('paid', 'unknown')", group: pace, priority: 1}
  idle: {when: hours_since(seen) > 48 OR days = 0, group: pace, priority: 2, flag: idle}
"""

#: By table its columns and their types.
TABLES = {
    "feature/score/values": {"score": "Int64", "score@": "Int64"},
    "feature/score/scheduled:score": {"tick": "Int64", "user": "Int64", "amount": "Int64"},
    "feature/score/scheduled:score@": {"tick": "Int64", "user": "Int64", "amount": "Int64"},
    "feature/clicks/values": {"clicks": "Int64"},
    "feature/clicks/scheduled:clicks": {"tick": "Int64", "user": "Int64", "amount": "Int64"},
    "feature/trip/rows": {"user": "Int64", "step": "Int64", "at": "Int64", "high": "UInt64", "low": "UInt64"},
    "feature/trip/values": {"trip.started_at": "Int64", "trip.completed_at": "Int64", "trip.steps_done": "Int64"},
    "feature/source/values": {"code": "Int64", "at": "Int64", "tie": "String"},
    "feature/source/vocabulary": {"text": "String"},
    "feature/plan/values": {"code": "Int64", "at": "Int64", "tie": "String"},
    "feature/plan/vocabulary": {"text": "Null"},
    "feature/amount/largest": {"number": "Float64"},
    "feature/devices/seen": {"user": "Int64", "high": "UInt64", "low": "UInt64"},
    "feature/devices/count": {"values": "Int64"},
    "feature/offers/seen": {"user": "Int64", "high": "UInt64", "low": "UInt64"},
    "feature/offers/count": {"values": "Int64"},
    "feature/seen/last": {"at": "Int64"},
    "feature/days/days": {"user": "Int64", "day": "Int64"},
    "feature/days/leaving": {"tick": "Int64", "user": "Int64", "amount": "Int64"},
    "feature/days/count": {"days": "Int64"},
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_fingerprint_of_the_same_rules_is_the_same_in_every_release(name: str) -> None:
    rules = parse_rules(ALL_KINDS, "rules.yaml") if name == "all kinds" else load_rules(ROOT / name)
    assert rules.fingerprint == FINGERPRINTS[name]


def test_the_state_of_every_kind_has_the_same_tables_in_every_release() -> None:
    rules = parse_rules(ALL_KINDS, "rules.yaml")
    meta, tables = decode_frames(Tracker(rules, 10 * SECOND).snapshot())
    assert meta == {"settled": None, "clock": None, "features": list(rules.features)}
    shown = {
        name: {column: str(type_) for column, type_ in table.schema.items()}
        for name, table in tables.items()
        if name.startswith("feature/")
    }
    assert shown == TABLES
