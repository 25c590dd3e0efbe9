"""Damage and schema drift of single lines."""

import json
import re
from typing import Any

import pytest

from pipeline.traffic.faults import damage_csv, damage_json, drift_json
from pipeline.traffic.lines import CSV_HEADER
from segmentation.units import parse_instant
from tests.pipeline.traffic.logs import REQUIRED, Log, decode

LINE = (
    b'{"event_id":"00ff00ff00ff00ff00ff00ff00ff00ff","user_id":"u000001","name":"page_view",'
    b'"occurred_at":1767225600000001,"source":"web","properties":{"path":"/home"}}\n'
)
BARE = b'{"event_id":"00ff","user_id":"u000001","name":"session_start","occurred_at":1767225600000001,"source":"web"}\n'
ROW = b"00ff,u000001,page_view,1767225600000001,web,,,,/home,\n"


@pytest.mark.parametrize("line", [LINE, BARE])
def test_every_damage_makes_a_json_line_unusable(line: bytes) -> None:
    assert decode(line) is not None
    for salt in (*range(2000), 2**32 - 1):
        damaged = damage_json(line, salt)
        assert decode(damaged) is None, damaged
        assert damaged.count(b"\n") == 1


def test_damages_are_of_all_kinds(faulty: Log) -> None:
    spoilt = [line for line, event in zip(faulty.lines, faulty.decoded, strict=True) if event is None]
    kinds = {kind_of(line) for line in spoilt}
    assert kinds == {"truncated", "invalid UTF-8", "missing id", "wrong type", "far future"}


def test_every_damage_makes_a_csv_row_unusable() -> None:
    fields = CSV_HEADER.decode().strip().split(",")
    for salt in range(200):
        damaged = damage_csv(ROW, salt)
        cells = dict(zip(fields, damaged.rstrip(b"\n").split(b","), strict=False))
        ids = all(re.fullmatch(rb"[0-9a-u]+", cells.get(name, b"")) for name in ("event_id", "user_id"))
        time = cells.get("occurred_at", b"")
        assert not ids or not time.isdigit() or int(time) > parse_instant("2100-01-01T00:00:00Z"), damaged


def test_drift_adds_unknown_fields() -> None:
    drifted = json.loads(drift_json(LINE, 1))
    assert set(drifted) - set(json.loads(LINE)) == {"app_version", "context"}


@pytest.mark.parametrize("line", [LINE, BARE])
def test_drift_adds_properties_and_keeps_those_there(line: bytes) -> None:
    before: dict[str, Any] = json.loads(line).get("properties", {})
    after: dict[str, Any] = json.loads(drift_json(line, 2))["properties"]
    assert before.items() < after.items()


def test_drift_writes_the_same_instant_as_text() -> None:
    text = json.loads(drift_json(LINE, 3))["occurred_at"]
    assert text == "2026-01-01T00:00:00.000001Z"
    assert parse_instant(text) == json.loads(LINE)["occurred_at"]


def test_drift_begins_after_half_of_the_time(clean: Log, faulty: Log) -> None:
    half = (faulty.options.start + faulty.options.end) // 2
    later = {event["event_id"] for event in clean.events if event["occurred_at"] >= half}
    drifted = {
        event["event_id"]
        for event, line in zip(faulty.decoded, faulty.lines, strict=True)
        if event is not None and is_drifted(event, line)
    }
    assert drifted <= later
    assert len(drifted) == faulty.summary.drifted
    assert len(drifted) / len(later) == pytest.approx(faulty.options.drift, rel=0.1)


def test_every_well_formed_line_has_the_required_fields(faulty: Log) -> None:
    for event in faulty.events:
        assert all(event[field] for field in REQUIRED)
        assert re.fullmatch(r"[0-9a-f]{32}", event["event_id"])
        assert re.fullmatch(r"u\d{6}", event["user_id"])
        assert event["source"] in ("web", "ios", "android")


def is_drifted(event: dict[str, Any], line: bytes) -> bool:
    as_text = b'"occurred_at":"' in line
    return "app_version" in event or "experiment" in event.get("properties", {}) or as_text


def kind_of(line: bytes) -> str:
    try:
        event = json.loads(line.decode())
    except UnicodeDecodeError:
        return "invalid UTF-8"
    except json.JSONDecodeError:
        return "truncated"
    if not {"event_id", "user_id"} <= event.keys():
        return "missing id"
    time = event["occurred_at"]
    return "far future" if isinstance(time, int) and time > parse_instant("2100-01-01T00:00:00Z") else "wrong type"
