"""What is wrong or new in a line: damage that makes it unusable, and drift towards a newer schema."""

import json
from collections.abc import Callable

import numpy as np

from pipeline.traffic.columns import Codes, Ints
from pipeline.traffic.options import TrafficOptions
from segmentation.units import DAY, format_instant

#: Far beyond the clock of any run.
_FAR_FUTURE = 250 * 365 * DAY
_DRIFTS = 3


def draw_drift(occurred_at: Ints, options: TrafficOptions, random: np.random.Generator) -> Codes:
    """How each event departs from the schema: 0 not at all; only after half of the log's time."""
    later = occurred_at >= options.start + (options.end - options.start) // 2
    drifts = later & (random.random(len(occurred_at)) < options.drift)
    return np.where(drifts, random.integers(1, _DRIFTS + 1, len(occurred_at)), 0).astype(np.int8)


def drift_json(line: bytes, drift: int) -> bytes:
    """A JSON line as a newer producer writes it: 1 unknown fields, 2 extra properties, 3 the time as ISO 8601 text."""
    event = json.loads(line)
    moment = event["occurred_at"]
    if drift == 1:
        event["app_version"] = f"5.{moment % 7}.0"
        event["context"] = {"locale": "en", "screen": [1280, 720]}
    elif drift == 2:
        extra = {
            "experiment": "b",
            "latency_ms": moment % 900,
            "cached": moment % 2 == 0,
            "ratio": 0.25,
            "campaign": None,
        }
        event["properties"] = {**event.get("properties", {}), **extra}
    else:
        event["occurred_at"] = format_instant(moment)
    return _dump(event)


def damage_json(line: bytes, salt: int) -> bytes:
    """A JSON line spoilt in one of the ways seen in real logs; ``salt`` decides which."""
    ways: tuple[Callable[[bytes, int], bytes], ...] = (
        _truncate,
        _wrong_type,
        _missing_id,
        _invalid_utf8,
        _far_future,
    )
    return ways[salt % len(ways)](line, salt // len(ways))


def damage_csv(line: bytes, salt: int) -> bytes:
    """A CSV line spoilt: columns missing, no time, no id, invalid UTF-8, a far-future time."""
    fields = line.rstrip(b"\n").split(b",")
    way = salt % 5
    if way == 0:
        fields = fields[: 1 + salt // 5 % 3]
    elif way == 1:
        fields[3] = b"yesterday"
    elif way == 2:
        fields[salt // 5 % 2] = b""
    elif way == 3:
        fields[1] = b"u\xff\xfe" + fields[1]
    else:
        fields[3] = str(int(fields[3]) + _FAR_FUTURE).encode()
    return b",".join(fields) + b"\n"


def _truncate(line: bytes, salt: int) -> bytes:
    return line[: 1 + salt % (len(line) - 3)] + b"\n"


def _wrong_type(line: bytes, salt: int) -> bytes:
    event = json.loads(line)
    wrong: tuple[tuple[str, object], ...] = (
        ("occurred_at", "yesterday"),
        ("occurred_at", None),
        ("user_id", ["u1", "u2"]),
        ("name", {"event": "page_view"}),
        ("properties", "path=/home"),
    )
    field, value = wrong[salt % len(wrong)]
    event[field] = value
    return _dump(event)


def _missing_id(line: bytes, salt: int) -> bytes:
    event = json.loads(line)
    del event[("event_id", "user_id")[salt % 2]]
    return _dump(event)


def _invalid_utf8(line: bytes, salt: int) -> bytes:
    return line.replace(b'"user_id":"', b'"user_id":"' + (b"\xff", b"\xc3\x28", b"\xed\xa0\x80")[salt % 3], 1)


def _far_future(line: bytes, salt: int) -> bytes:
    event = json.loads(line)
    event["occurred_at"] += _FAR_FUTURE + salt % DAY
    return _dump(event)


def _dump(event: object) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
