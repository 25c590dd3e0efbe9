"""Reads a rules file as plain dicts and turns rule texts into DuckDB expressions; expects a file that is valid."""

import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

UNITS = {
    "us": 1,
    "ms": 10**3,
    "s": 10**6,
    "m": 60 * 10**6,
    "h": 3600 * 10**6,
    "d": 86400 * 10**6,
    "w": 7 * 86400 * 10**6,
}
#: Names of events that no feature counts.
RESERVED = ("heartbeat", "consent", "erase", "identify")
ROLLING = ("rolling_score", "rolling_count")
FEATURE_KEYS = {
    "rolling_score": {"kind", "window", "every", "weights", "default_weight"},
    "rolling_count": {"kind", "window", "every", "events", "event"},
    "journey": {"kind", "start", "complete", "deadline"},
    "attribute": {"kind", "property", "keep", "values", "events", "event"},
    "recency": {"kind", "events", "event"},
    "distinct_days": {"kind", "window", "events", "event"},
}
SEGMENT_KEYS = {"when", "until", "min_dwell", "group", "priority"}

# A literal is matched before anything in it can be; in_segment() comes first because it holds a literal itself.
TOKEN = re.compile(
    r"""(?P<segment>\bin_segment\s*\(\s*'(?P<of>[^']+)'\s*\))
      | (?P<literal>'(?:[^']|'')*')
      | (?P<percentile>\bpercentile\s*\(\s*(?P<feature>\w+)\s*\))
      | (?P<hours>\bhours_since\s*\(\s*(?P<since>[\w.]+)\s*\))
      | (?P<decimal>(?<![\w.])(?:\d+\.\d*|\.\d+)(?![\w.]))""",
    re.VERBOSE | re.IGNORECASE,
)


def parse_duration(text: str) -> int:
    """Microseconds of a text such as "7d"; raises ValueError."""
    match = re.fullmatch(r"(\d+)\s*(us|ms|s|m|h|d|w)", str(text).strip())
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    return int(match[1]) * UNITS[match[2]]


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def result_column(segment: str) -> str:
    """The column that holds whether the user is in the segment."""
    return quoted(f"in_segment('{segment}')")


def property_sql(name: str) -> str:
    """The text of a property of an event, NULL where the event doesn't have it."""
    if '"' in name or "\\" in name:
        raise ValueError(f"property name {name!r}")
    path = f'$."{name}"'
    return f"(properties ->> {literal(path)})"


def names_in(feature: Mapping[str, Any]) -> list[str]:
    """The event names that a feature is limited to; an empty list: every event."""
    return list(feature.get("events", [feature["event"]] if "event" in feature else []))


def among(feature: Mapping[str, Any]) -> str:
    """A SQL condition on `name` for the events that a feature counts."""
    names = names_in(feature)
    return f"name IN ({', '.join(map(literal, names))})" if names else "TRUE"


def to_sql(text: str) -> str:
    """The rule text for DuckDB: our functions become columns, numbers with a point become doubles."""

    def replace(match: re.Match[str]) -> str:
        if match["segment"]:
            return result_column(match["of"])
        if match["percentile"]:
            return quoted(f"percentile({match['feature']})")
        if match["hours"]:
            return f"((__tick - epoch_us({match['since']})) / 3.6e9)"
        return f"{match['decimal']}e0" if match["decimal"] else match[0]

    return TOKEN.sub(replace, text)


def segments_in(text: str) -> Iterator[str]:
    """The segments that a rule text asks for with in_segment()."""
    return (match["of"] for match in TOKEN.finditer(text) if match["segment"])


class PlainRules:
    """`features` and `segments` as written; `units`: groups (or single segments) in the order they can be evaluated."""

    def __init__(self, path: Path) -> None:
        content: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        self.features: dict[str, dict[str, Any]] = content.get("features", {})
        self.segments: dict[str, dict[str, Any]] = content["segments"]
        every = [parse_duration(f["every"]) for f in self.features.values() if f["kind"] in ROLLING]
        self.tick = parse_duration(content["tick"]) if "tick" in content else min(every)
        self.forget_after = parse_duration(content["forget_after"]) if "forget_after" in content else None
        self.minimum: int = (content.get("population") or {}).get("minimum", 20)
        self._refuse_unknown()
        self._refuse_unaligned()
        self.units = self._order()

    def _refuse_unknown(self) -> None:
        # A key this oracle doesn't know would be silently left out of the "exact" answer.
        for name, feature in self.features.items():
            if extra := set(feature) - FEATURE_KEYS[feature["kind"]]:
                raise ValueError(f"feature {name}: the oracle doesn't know {sorted(extra)}")
        for name, segment in self.segments.items():
            if extra := set(segment) - SEGMENT_KEYS:
                raise ValueError(f"segment {name}: the oracle doesn't know {sorted(extra)}")

    def _refuse_unaligned(self) -> None:
        if self.tick % UNITS["m"]:
            raise ValueError("tick is not a multiple of 1 min")
        if self.forget_after is not None and self.forget_after % self.tick:
            raise ValueError("forget_after is not a multiple of tick")
        for name, feature in self.features.items():
            if feature["kind"] in ROLLING:
                every, window = parse_duration(feature["every"]), parse_duration(feature["window"])
                if every % self.tick or window % every:
                    raise ValueError(f"feature {name}: window, every and tick are not multiples of each other")
            elif (
                feature["kind"] == "distinct_days"
                and "window" in feature
                and parse_duration(feature["window"]) % UNITS["d"]
            ):
                raise ValueError(f"feature {name}: window is not a multiple of 1 day")

    def _order(self) -> list[list[str]]:
        # The prefix keeps a group apart from a segment of the same name.
        unit_of = {
            name: f"group {s['group']}" if "group" in s else f"segment {name}" for name, s in self.segments.items()
        }
        members: dict[str, list[str]] = {}
        needs: dict[str, set[str]] = {}
        for name, segment in self.segments.items():
            members.setdefault(unit_of[name], []).append(name)
            wanted = {unit_of[s] for key in ("when", "until") for s in segments_in(segment.get(key, ""))}
            needs.setdefault(unit_of[name], set()).update(wanted)
        order = [members[unit] for unit in TopologicalSorter(needs).static_order()]
        for unit in order:
            priorities = [self.segments[name].get("priority") for name in unit]
            if len(unit) > 1 and (None in priorities or len(set(priorities)) < len(unit)):
                raise ValueError(f"no strict order of priority among {unit}")
        return order
