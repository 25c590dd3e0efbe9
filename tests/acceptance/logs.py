"""Strategies for small event logs that crowd around edges: few users, many ties, repeated ids."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

RULES = sorted((Path(__file__).parent / "rules").glob("fuzz_*.yaml"))
MINUTE = 60_000_000
#: A midnight, in µs.
START = 20_454 * 24 * 60 * MINUTE
Event = dict[str, Any]

_VALUES: list[Any] = [None, "x", "y", "z", 1, 2.5, -1e-7, True, "1", "1e1", ""]
_STEPS = {"fuzz_windows": 5 * MINUTE, "fuzz_journeys": 10 * MINUTE, "fuzz_values": 8 * 60 * MINUTE}


@st.composite
def times(draw: st.DrawFn, step: int) -> int:
    """On, just before or just after one of a few multiples of ``step``; rarely elsewhere, or days later."""
    edge = draw(st.integers(0, 14)) * step
    shift = draw(st.sampled_from([0, 0, -1, 1, 0, step // 3]))
    return START + step + edge + shift + draw(st.sampled_from([0] * 12 + [26 * 60 * MINUTE]))


@st.composite
def events(draw: st.DrawFn, step: int) -> Event:
    """An event whose id is often one of a few, for whatever user, name and time."""
    value = draw(st.sampled_from(_VALUES))
    return {
        "event_id": draw(st.one_of(st.sampled_from(["same", "twin"]), st.integers(0, 999).map(str))),
        "user_id": draw(st.sampled_from("UVWXYZ")),
        "name": draw(st.sampled_from("aabbcd")),
        "occurred_at": draw(times(step)),
        "properties": {} if value is None else {"v": value},
    }


def ended(log: list[Event]) -> list[Event]:
    """The log and a heartbeat at its last instant, so that it ends there even if that event is a duplicate."""
    last = max(event["occurred_at"] for event in log)
    return [*log, {"event_id": "end", "user_id": "", "name": "heartbeat", "occurred_at": last}]


def logs(rules: Path, *, most: int = 25) -> st.SearchStrategy[list[Event]]:
    """Logs without two events of one user, id and time: which of those counts is the product's own business."""
    return st.lists(
        events(_STEPS[rules.stem]),
        min_size=1,
        max_size=most,
        unique_by=lambda event: (event["event_id"], event["user_id"], event["occurred_at"]),
    ).map(ended)


def conflicting_logs(rules: Path, *, most: int = 25) -> st.SearchStrategy[list[Event]]:
    """Logs in which some event has twins of the same user, id and time with other content."""

    def with_twins(log: list[Event], names: list[str], values: list[Any]) -> list[Event]:
        twins = [
            {**event, "name": name, "properties": {} if value is None else {"v": value}}
            for event, name, value in zip(log[:-1], names, values, strict=False)
        ]
        return [*log, *twins]

    twins = st.lists(st.sampled_from("abcd"), min_size=1, max_size=8), st.lists(st.sampled_from(_VALUES), min_size=8)
    return st.builds(with_twins, logs(rules, most=most), *twins)
