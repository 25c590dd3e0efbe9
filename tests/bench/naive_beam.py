"""The naive Beam pipeline: a sliding window and a sum per user, then one sort of everybody per window.

It is the peer that `make bench` compares the throughput with, and an independent oracle: `naive_memberships` shares
no code with the project.

Run: python -m tests.bench.naive_beam EVENTS.jsonl OUT.json
"""

import json
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms import window
from apache_beam.utils.timestamp import Duration, Timestamp

HOUR = 3_600_000_000
WEIGHTS = {"page_view": 1, "feature_click": 3}


def at_its_time(event: tuple[str, int, int]) -> window.TimestampedValue[tuple[str, int]]:
    """The user and the weight of an event, timed."""
    user, occurred_at, weight = event
    return window.TimestampedValue((user, weight), Timestamp(micros=occurred_at))


class RankUsers(beam.DoFn):
    """Writes, as JSON, the end of the window and the users whose percentile reaches the threshold."""

    def __init__(self, threshold: float, minimum: int) -> None:
        self.threshold = threshold
        self.minimum = minimum

    def process(
        self, keyed: tuple[None, Iterable[tuple[str, int]]], pane: Any = beam.DoFn.WindowParam
    ) -> Iterator[str]:
        active = [(user, score) for user, score in keyed[1] if score > 0]
        scores = sorted(score for _, score in active)
        if len(scores) < self.minimum:
            return
        last = max(len(scores) - 1, 1)
        members = [user for user, score in active if 100 * bisect_left(scores, score) / last >= self.threshold]
        yield json.dumps([pane.end.micros, sorted(members)])


def naive_memberships(
    events: Iterable[tuple[str, int, int]], window_micros: int, every: int, threshold: float, minimum: int = 20
) -> dict[int, frozenset[str]]:
    """Who is at or above a percentile of the rolling score, at the end of every sliding window.

    Args:
        events: (user, occurred_at in µs, weight), each event once, in any order.
        window_micros: length of the window in µs, a multiple of ``every``.
        every: distance of the windows in µs, whole milliseconds.
        threshold: the least percentile, 0 to 100, of a member; 100 · (users with a lower score) / (users − 1).
        minimum: the least number of users with a score above 0 for which there is a percentile.

    Returns:
        End of the window in µs → its members. Windows without members are left out, and those that end after the last
        event, until the last event has left them, are there.
    """
    with tempfile.TemporaryDirectory() as folder:
        pipeline = beam.Pipeline(runner=FnApiRunner())
        (
            pipeline
            | "ListEvents" >> beam.Create(list(events), reshuffle=False)
            | "SetTime" >> beam.Map(at_its_time)
            | "Slide" >> beam.WindowInto(window.SlidingWindows(Duration(micros=window_micros), Duration(micros=every)))
            | "SumPerUser" >> beam.CombinePerKey(sum)
            | "KeyTogether" >> beam.Map(lambda scored: (None, scored))
            | "GroupTogether" >> beam.GroupByKey()
            | "RankUsers" >> beam.ParDo(RankUsers(threshold, minimum))
            | "LeaveWindows" >> beam.WindowInto(window.GlobalWindows())
            | "Write" >> beam.io.WriteToText(f"{folder}/members")
        )
        pipeline.run().wait_until_finish()
        lines = [line for part in Path(folder).iterdir() for line in part.read_text(encoding="utf-8").splitlines()]
    return {end: frozenset(members) for end, members in map(json.loads, lines) if members}


def read_weighted(log: Path) -> Iterator[tuple[str, int, int]]:
    """(user, occurred_at in µs, weight) of the lines of a log, the first of each event id."""
    seen = set()
    with log.open("rb") as lines:
        for line in lines:
            event = json.loads(line)
            key = (event["user_id"], event["event_id"])
            if key not in seen:
                seen.add(key)
                yield event["user_id"], event["occurred_at"], WEIGHTS.get(event["name"], 0)


def main() -> None:
    """Reads the log named first and writes the number of members of every window to the file named second."""
    members = naive_memberships(read_weighted(Path(sys.argv[1])), 7 * 24 * HOUR, HOUR, 80)
    Path(sys.argv[2]).write_text(
        json.dumps({end: len(users) for end, users in sorted(members.items())}), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
