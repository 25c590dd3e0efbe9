"""What makes a decoded record an event: checked a column at a time, rows only where something is wrong."""

import polars as pl

from segmentation.identity.sharder import HEARTBEAT
from segmentation.units import HOUR
from transforms.decoding.reasons import DeadLetterReason
from transforms.decoding.records import BadRecord, EventColumns
from transforms.event_batch import property_column

MAX_AHEAD = HOUR
"""An event may be this far (µs) ahead of the clock of the run."""

CONSENT = "consent"
GRANTED = "granted"

_MISSING, _BAD_TIME = DeadLetterReason.MISSING_FIELD, DeadLetterReason.BAD_TIME
_TYPE = DeadLetterReason.WRONG_TYPE


def validate(columns: EventColumns, now: int) -> tuple[pl.DataFrame, list[BadRecord]]:
    """The rows that are events, as `EventBatch` documents them, and the others with their reasons.

    ``now`` is the clock of the run in µs.
    """
    frame = pl.DataFrame(
        {
            "event_id": columns.event_id,
            "user_id": columns.user_id.fill_null(""),
            "name": columns.name,
            "occurred_at": columns.occurred_at,
        }
        | {property_column(name): values for name, values in columns.properties.items()}
    )
    verdict = frame.select(verdict=_verdict(now))["verdict"]
    failing = (verdict > 0).arg_true()
    if failing.is_empty():
        return frame, []
    bad = [_bad(columns, row, verdict[row], now) for row in failing]
    return frame.filter(verdict == 0), bad


_TIME_IS_ABSENT = "occurred_at is absent"

_CHECKS: tuple[tuple[DeadLetterReason, str], ...] = (
    (_MISSING, "event_id is absent or empty"),
    (_MISSING, "name is absent or empty"),
    (_MISSING, "user_id is absent or empty; only a heartbeat needs none"),
    (_MISSING, _TIME_IS_ABSENT),  # or there is one that is no time: see _bad
    (DeadLetterReason.BEFORE_EPOCH, "occurred_at lies before 1970"),
    (DeadLetterReason.FAR_FUTURE, "occurred_at is {hours:.1f} hours ahead of the clock of the run"),
    (_MISSING, "a consent event needs the property granted"),
    (_TYPE, "the property granted of a consent event is neither true nor false"),
)


def _verdict(now: int) -> pl.Expr:
    """0 for an event, else 1 + the index of the first of `_CHECKS` that fails."""
    name, time, granted = pl.col("name"), pl.col("occurred_at"), pl.col(property_column(GRANTED))
    consent = name == CONSENT
    failing = (
        pl.col("event_id").is_null() | (pl.col("event_id") == ""),
        name.is_null() | (name == ""),
        (pl.col("user_id") == "") & (name != HEARTBEAT),
        time.is_null(),
        time < 0,
        time > now + MAX_AHEAD,
        consent & granted.is_null(),
        consent & ~granted.is_in(["true", "false"]),
    )
    verdict = pl.lit(0, pl.UInt8)
    for code, fails in reversed(list(enumerate(failing, start=1))):
        verdict = pl.when(fails).then(pl.lit(code, pl.UInt8)).otherwise(verdict)
    return verdict


def _bad(columns: EventColumns, row: int, code: int, now: int) -> BadRecord:
    reason, error = _CHECKS[code - 1]
    if error is _TIME_IS_ABSENT and row in columns.time_errors:
        reason, error = _BAD_TIME, f"occurred_at is {columns.time_errors[row]}"
    if reason is DeadLetterReason.FAR_FUTURE:
        error = error.format(hours=(columns.occurred_at[row] - now) / HOUR)
    return BadRecord(reason, "ValueError", error, int(columns.positions[row]), columns.payload(row))
