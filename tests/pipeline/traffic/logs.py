"""Reading a simulated log back, line by line and without the simulator."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import TrafficSummary
from segmentation.units import SECOND, parse_instant

CLEAN = TrafficOptions(users=1500, days=14, seed=7)
FAULTY = replace(CLEAN, disorder=30 * SECOND, duplicates=0.05, malformed=0.01, drift=0.05)
REQUIRED = ("event_id", "user_id", "name", "occurred_at")

Event = dict[str, Any]


def decode(line: bytes) -> Event | None:
    """The event of a well-formed line, its time as µs; None for a line that cannot be accepted."""
    try:
        # Given bytes, json would let lone surrogates pass.
        event = json.loads(line.decode())
        if isinstance(event["occurred_at"], str):
            event["occurred_at"] = parse_instant(event["occurred_at"])
    except (ValueError, KeyError):
        return None
    texts = all(isinstance(event.get(field), str) for field in ("event_id", "user_id", "name"))
    time = event["occurred_at"]
    if not texts or not isinstance(time, int) or not isinstance(event.get("properties", {}), dict):
        return None
    return event if time < parse_instant("2100-01-01T00:00:00Z") else None


@dataclass
class Log:
    """A log on disk with the options and the summary that belong to it."""

    options: TrafficOptions
    path: Path
    summary: TrafficSummary

    @cached_property
    def lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines()

    @cached_property
    def decoded(self) -> list[Event | None]:
        return [decode(line) for line in self.lines]

    @cached_property
    def events(self) -> list[Event]:
        return [event for event in self.decoded if event is not None]
