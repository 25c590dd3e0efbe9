"""The same questions as a batch script in Polars and NumPy: the limit of what columns can do without an engine.

Everything is in memory at once: decode, duplicates dropped, hourly sums of weights, and at every hour the exact
percentile of every active user in the whole population, with hysteresis (in at 80, out below 70). It writes how many
users entered and left, hour by hour. No dead letters, no rules file, no journeys, no change records, no state.

Run: python -m tests.bench.limit EVENTS.jsonl OUT.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

HOUR = 3_600_000_000
WINDOW_HOURS = 7 * 24
MINIMUM = 20
WEIGHTS = {"page_view": 1, "feature_click": 3}

Matrix = npt.NDArray[np.int32]


def hourly_weights(events: Path) -> Matrix:
    """Sums of weights, an hour a row, a user a column."""
    schema = {"event_id": pl.String, "user_id": pl.String, "name": pl.String, "occurred_at": pl.Int64}
    panes = (
        pl.read_ndjson(events, schema=schema)
        .unique(subset=["user_id", "event_id"])
        .with_columns(
            hour=pl.col("occurred_at") // HOUR,
            user=pl.col("user_id").rank("dense") - 1,
            weight=pl.col("name").replace_strict(WEIGHTS, default=0, return_dtype=pl.Int32),
        )
        .group_by("hour", "user")
        .agg(pl.col("weight").sum())
    )
    hours = panes["hour"].to_numpy() - int(panes["hour"].min())  # type: ignore[arg-type]  # of a column of Int64
    users = panes["user"].to_numpy()
    sums: Matrix = np.zeros((int(hours.max()) + 1, int(users.max()) + 1), dtype=np.int32)
    sums[hours, users] = panes["weight"].to_numpy()
    return sums


def percentiles(scores: Matrix) -> npt.NDArray[np.float64]:
    """100 · (members with a lower score) / (members − 1); NaN for a score of 0 and in too small a population."""
    counts = np.bincount(scores)
    counts[0] = 0
    members = int(counts.sum())
    if members < MINIMUM:
        return np.full(scores.shape, np.nan)
    lower = np.cumsum(counts) - counts
    return np.where(scores > 0, 100.0 * lower[scores] / (members - 1), np.nan)


def membership_changes(sums: Matrix) -> list[tuple[int, int]]:
    """Users that entered and users that left the top 20 %, at the end of every hour."""
    scores = np.zeros(sums.shape[1], dtype=np.int32)
    member = np.zeros(sums.shape[1], dtype=bool)
    changes = []
    for hour in range(len(sums)):
        scores += sums[hour]
        if hour >= WINDOW_HOURS:
            scores -= sums[hour - WINDOW_HOURS]
        percentile = percentiles(scores)
        after = np.where(member, percentile >= 70, percentile >= 80)
        changes.append((int((after & ~member).sum()), int((member & ~after).sum())))
        member = after
    return changes


def main() -> None:
    """Reads the log named first and writes the counts of changes to the file named second."""
    Path(sys.argv[2]).write_text(json.dumps(membership_changes(hourly_weights(Path(sys.argv[1])))), encoding="utf-8")


if __name__ == "__main__":
    main()
