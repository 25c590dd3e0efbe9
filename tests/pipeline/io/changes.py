"""Changes for the tests of the sinks: a consistent log of settled changes of a few subjects."""

import json
from typing import Any

import polars as pl

from schemas.records import to_record
from schemas.types import Evidence, SegmentChange
from segmentation.outputs.change_frame import CHANGE_COLUMNS
from segmentation.outputs.change_rows import NESTED

TICK = 300_000_000
START = 1_767_225_600_000_000

CHANGE = SegmentChange(
    change_id="c1",
    subject_id="s1.a",
    segment="power_user",
    action="ENTERED",
    effective_at=START,
    stage="ON_TIME",
    cause="event",
    sequence=1,
    early_index=None,
    memberships=("power_user",),
    rules_version=1,
    evidence=(Evidence("percentile(engagement)", ">=", 81.5, "80"),),
    flags={"beta": "on"},
    emitted_at=START + 5,
)


def consistent_log(toggles: list[tuple[int, int]]) -> list[SegmentChange]:
    """The changes that arise when (subject, segment) pairs toggle one after another, a tick apart."""
    members: dict[int, set[str]] = {}
    counts: dict[int, int] = {}
    log = []
    for position, (subject, segment) in enumerate(toggles):
        name, held = f"g{segment}", members.setdefault(subject, set())
        counts[subject] = counts.get(subject, 0) + 1
        held ^= {name}
        values: dict[str, Any] = {
            "change_id": f"c{position}",
            "subject_id": f"s{subject}",
            "segment": name,
            "action": "ENTERED" if name in held else "EXITED",
            "effective_at": START + position * TICK,
            "sequence": counts[subject],
            "memberships": tuple(sorted(held)),
        }
        log.append(SegmentChange(**(vars(CHANGE) | values)))
    return log


def frame(*changes: SegmentChange) -> pl.DataFrame:
    """The frame of some changes, in their order."""
    records = [to_record(change) for change in changes]
    for record in records:
        record |= {name: json.dumps(record[name], ensure_ascii=False, separators=(",", ":")) for name in NESTED}
    return pl.DataFrame(records, schema=CHANGE_COLUMNS, orient="row")
