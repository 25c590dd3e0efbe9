"""Small logs in code for the tests of the oracle."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.oracle.duck import Oracle

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: 2001-09-09T00:00:00Z: a midnight.
START = 11_574 * DAY
#: Builds an oracle: run(features, segments, events, **top-level keys of the rules file).
Run = Callable[..., Oracle]


def event(user: str, name: str, occurred_at: int, event_id: str = "", **properties: Any) -> dict[str, Any]:
    """An event; without an id of its own it gets one that only equal events share."""
    event_id = event_id or f"{name}/{occurred_at}/{properties}"
    return {"event_id": event_id, "user_id": user, "name": name, "occurred_at": occurred_at, "properties": properties}


def make(
    folder: Path,
    features: Mapping[str, Any],
    segments: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    **top: Any,
) -> Oracle:
    """An oracle with ticks of 1 h and no minimum population unless told otherwise, loaded with the events."""
    path = folder / "rules.yaml"
    content = {
        "version": 1,
        "tick": "1h",
        "population": {"minimum": 1},
        "features": features,
        "segments": segments,
        **top,
    }
    with path.open("w") as file:
        YAML(typ="safe", pure=True).dump(content, file)
    oracle = Oracle(path, state_key=b"state", publish_key=b"publish")
    oracle.load_events(list(events))
    return oracle


def column(oracle: Oracle, name: str, user: str = "a", until: int | None = None) -> list[Any]:
    """What a SQL expression over the row gives at every tick of a user."""
    oracle.evaluate(until)
    query = f"SELECT {name} FROM rows JOIN users USING (__user) WHERE user_id = ? ORDER BY __tick"
    return [value for (value,) in oracle.connection.execute(query, [user]).fetchall()]


def story(oracle: Oracle, until: int | None = None) -> list[tuple[str, str, str, float]]:
    """The changes as (user, action, segment, hours after START)."""
    return [(c.user_id, c.action, c.segment, (c.effective_at - START) / HOUR) for c in oracle.settled_changes(until)]
